//! Training in a random subspace.

use candle_core::{Result, Tensor};

/// θ = θ₀ + P z: `start` is (D), `p` (D, d), `z` (d); the result is (D).
pub fn parameters(start: &Tensor, p: &Tensor, z: &Tensor) -> Result<Tensor> {
    todo!()
}

/// One step of gradient descent on z; `gradient` is that by θ, (D).
pub fn step(p: &Tensor, z: &Tensor, gradient: &Tensor, rate: f64) -> Result<Tensor> {
    todo!()
}

/// z after `steps` steps from zero; `gradient` gives the loss's gradient at a θ.
pub fn train(
    start: &Tensor,
    p: &Tensor,
    gradient: &dyn Fn(&Tensor) -> Result<Tensor>,
    rate: f64,
    steps: usize,
) -> Result<Tensor> {
    todo!()
}
