//! Sizes that make methods train equally many parameters.

use candle_core::Result;

use crate::{
    model::Decoder,
    train::{Kind, Recipe, Trainee, recipe::Size},
};

/// No method is made larger than this.
const LARGEST: usize = 1024;

/// `recipe` with the size whose count of trained parameters on `base` is nearest to `target`; unchanged where the method has no size.
///
/// # Errors
/// The method cannot be built on the base.
pub fn fitted(base: &Decoder, recipe: &Recipe, target: usize) -> Result<Recipe> {
    if recipe.method.size() == Size::Fixed || recipe.method.trains_all() {
        return Ok(recipe.clone());
    }
    let largest = largest(base, recipe);
    let count = |size: usize| count(base, &sized(recipe, size));
    // Counts grow with the size: the first size that reaches the target, or the one before it.
    let (mut below, mut reaches) = (0, largest);
    while reaches - below > 1 {
        let middle = below.midpoint(reaches);
        if count(middle)? < target { below = middle } else { reaches = middle }
    }
    let off = |size: usize| Ok::<usize, candle_core::Error>(count(size)?.abs_diff(target));
    let size = if below > 0 && off(below)? <= off(reaches)? { below } else { reaches };
    Ok(sized(recipe, size))
}

/// A LoRA-like start is never larger than its smallest matrix allows.
fn largest(base: &Decoder, recipe: &Recipe) -> usize {
    match recipe.method.size() {
        Size::Rank if recipe.method != Kind::Vera => {
            let sides = base
                .sites(&crate::model::Projection::ALL)
                .into_iter()
                .filter_map(|site| base.projection(site)?.dims2().ok());
            sides.map(|(out, width)| out.min(width)).min().unwrap_or(1)
        }
        _ => LARGEST,
    }
}

fn sized(recipe: &Recipe, size: usize) -> Recipe {
    let mut recipe = recipe.clone();
    match recipe.method.size() {
        Size::Rank => recipe.rank = size,
        Size::Width => recipe.width = size,
        Size::Tokens => recipe.tokens = size,
        Size::Fixed => {}
    }
    recipe
}

/// Trained parameters; other starts of LoRA train what LoRA does, without their decompositions.
fn count(base: &Decoder, recipe: &Recipe) -> Result<usize> {
    let mut recipe = recipe.clone();
    if matches!(recipe.method, Kind::Pissa | Kind::Olora | Kind::Loftq | Kind::Qlora) {
        recipe.method = Kind::Lora;
    }
    Ok(Trainee::new(base.clone(), recipe)?.parameter_count())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;
    use crate::model::tiny;

    #[test]
    fn sizes_come_as_near_to_the_target_as_their_steps_allow() {
        let base = tiny::load(&Device::Cpu).unwrap();
        let target = 12_160;
        for kind in Kind::ALL.into_iter().filter(|kind| kind.size() != Size::Fixed && !kind.trains_all()) {
            let recipe = fitted(&base, &Recipe::new(kind), target).unwrap();
            let found = count(&base, &recipe).unwrap();
            let (size, off) = (recipe.rank, found.abs_diff(target));
            for neighbour in [-1isize, 1] {
                let mut other = recipe.clone();
                match kind.size() {
                    Size::Rank => other.rank = recipe.rank.saturating_add_signed(neighbour),
                    Size::Width => other.width = recipe.width.saturating_add_signed(neighbour),
                    _ => other.tokens = recipe.tokens.saturating_add_signed(neighbour),
                }
                let there = Trainee::new(base.clone(), other).map(|trainee| trainee.parameter_count());
                assert!(there.map_or(true, |there| there.abs_diff(target) >= off), "{kind} {size} {found}");
            }
            let least = match kind.size() {
                Size::Rank => recipe.rank == 1,
                Size::Width => recipe.width == 1,
                _ => recipe.tokens == 1,
            };
            // DoRA's magnitudes come on top of its factors, even at rank 1.
            assert!(off * 5 < target || least || kind == Kind::PrefixMlp, "{kind}: {found}");
        }
        let lora = fitted(&base, &Recipe::new(Kind::Lora), target).unwrap();
        assert_eq!(lora.rank, 1);
    }
}
