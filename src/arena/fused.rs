//! The adapters that AdapterFusion fuses in a contest: they are trained before its own runs begin.

use candle_core::{Result, bail};

use super::Contest;
use crate::{
    model::Decoder,
    peft::bottleneck::Adapters,
    train::{Data, Kind, Recipe, Settings, Trainee, run},
};

/// Their names.
const NAMES: [&str; 2] = ["first", "second"];

/// Steps of each: together as many as the fusion's own.
pub(super) fn steps(contest: &Contest) -> usize {
    contest.settings.steps.div_ceil(NAMES.len())
}

/// Pfeiffer adapters with Pfeiffer's usual options and rate, each trained on its share of the examples.
pub(super) fn ready(base: &Decoder, contest: &Contest, data: &Data) -> Result<Vec<Adapters>> {
    let (steps, learning_rate) = (steps(contest), Kind::Pfeiffer.learning_rate());
    let one = |(index, name): (usize, &&str)| {
        let train = data.train.iter().skip(index).step_by(NAMES.len()).cloned().collect();
        let share = Data { train, held: Vec::new(), pad: data.pad };
        let settings = Settings { steps, warmup: steps / 10, learning_rate, ..contest.settings.clone() };
        let trainee = pfeiffer(base, index)?;
        run(&trainee, &settings, &share, None, None, &mut |_| Ok(()))?;
        named(&trainee, name)
    };
    NAMES.iter().enumerate().map(one).collect()
}

/// The same without training, for what they cost.
pub(super) fn fresh(base: &Decoder) -> Result<Vec<Adapters>> {
    NAMES.iter().enumerate().map(|(index, name)| named(&pfeiffer(base, index)?, name)).collect()
}

fn pfeiffer(base: &Decoder, index: usize) -> Result<Trainee> {
    Trainee::new(base.clone(), Recipe { seed: index as u64, ..Recipe::new(Kind::Pfeiffer) })
}

fn named(trainee: &Trainee, name: &str) -> Result<Adapters> {
    match trainee.bottleneck() {
        Some(adapters) => Ok(adapters.clone().renamed(name)),
        None => bail!("{} has no bottleneck to fuse", trainee.recipe().method),
    }
}

/// A trainee; `adapters` are what a fusion fuses.
pub(super) fn trainee(base: Decoder, recipe: Recipe, adapters: &[Adapters]) -> Result<Trainee> {
    match recipe.method {
        Kind::AdapterFusion => Trainee::fusion(base, recipe, adapters.to_vec()),
        _ => Trainee::new(base, recipe),
    }
}
