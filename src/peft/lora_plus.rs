//! LoRA+ (Hayou et al. 2024, arXiv 2402.12354): LoRA whose B learns faster than its A.
//!
//! ```text
//! η_B = λ · η_A,  λ > 1          (λ = 16 in the authors' recipe)
//! ```
//!
//! The function is LoRA's, only the optimiser's groups differ. As in PEFT, B counts with every tensor of one dimension (biases, DoRA's m).

use super::Method;
use crate::optim::Groups;

/// λ of the authors' recipe.
pub const RATIO: f64 = 16.0;

/// The tensors of `method` in two groups: those at the learning rate, and those at `ratio` times it.
#[must_use]
pub fn groups(method: &dyn Method, ratio: f64) -> Groups {
    let faster = |name: &str, dimensions: usize| name.contains("lora_B") || dimensions == 1;
    let (b, a): (Vec<_>, Vec<_>) =
        method.named_variables().into_iter().partition(|(name, var)| faster(name, var.dims().len()));
    let vars = |named: Vec<(String, candle_core::Var)>| named.into_iter().map(|(_, var)| var).collect();
    Groups::from(vars(a)).with(vars(b), ratio)
}
