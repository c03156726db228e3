//! Training in a random subspace.
//!
//! Li et al. 2018; Aghajanyan et al. 2020 (arXiv 2012.13255). `deltaw demo random-direction` shows the rank of one such direction.

use candle_core::{Result, Tensor};

/// θ = θ₀ + P z: `start` is (D), `p` (D, d), `z` (d); the result is (D).
pub fn parameters(start: &Tensor, p: &Tensor, z: &Tensor) -> Result<Tensor> {
    start + times(p, z)?
}

/// One step of gradient descent on z; `gradient` is that by θ, (D).
pub fn step(p: &Tensor, z: &Tensor, gradient: &Tensor, rate: f64) -> Result<Tensor> {
    // The chain rule: z reaches the loss only through P z, so the gradient comes back through Pᵀ.
    z - (times(&p.t()?, gradient)? * rate)?
}

/// z after `steps` steps from zero; `gradient` gives the loss's gradient at a θ.
pub fn train(
    start: &Tensor,
    p: &Tensor,
    gradient: &dyn Fn(&Tensor) -> Result<Tensor>,
    rate: f64,
    steps: usize,
) -> Result<Tensor> {
    let mut z = Tensor::zeros(p.dim(1)?, p.dtype(), p.device())?;
    for _ in 0..steps {
        // Always from θ₀: z holds the whole way, not the last step of it.
        z = step(p, &z, &gradient(&parameters(start, p, &z)?)?, rate)?;
    }
    Ok(z)
}

/// A matrix times a vector.
fn times(matrix: &Tensor, vector: &Tensor) -> Result<Tensor> {
    matrix.matmul(&vector.unsqueeze(1)?)?.squeeze(1)
}
