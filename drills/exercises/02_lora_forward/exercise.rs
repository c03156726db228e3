//! LoRA's forward pass.

use candle_core::{Result, Tensor};

/// `x W₀ᵀ + (alpha / r) · (x Aᵀ) Bᵀ`, with `W₀` frozen.
///
/// `x` is (n, d_in), `w` (d_out, d_in), `a` (r, d_in), `b` (d_out, r); the result is (n, d_out).
pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, alpha: f64) -> Result<Tensor> {
    todo!()
}

/// `ΔW = (alpha / r) · B A`, (d_out, d_in).
pub fn delta(a: &Tensor, b: &Tensor, alpha: f64) -> Result<Tensor> {
    todo!()
}
