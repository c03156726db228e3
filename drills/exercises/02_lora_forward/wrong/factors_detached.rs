//! diagnosis: detached

use candle_core::{Result, Tensor};

pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, alpha: f64) -> Result<Tensor> {
    // Freezes the whole of what it multiplies with.
    x.matmul(&(w + delta(a, b, alpha)?)?.detach().t()?)
}

pub fn delta(a: &Tensor, b: &Tensor, alpha: f64) -> Result<Tensor> {
    b.matmul(a)? * (alpha / a.dim(0)? as f64)
}
