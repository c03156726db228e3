//! LoRA's gradients by hand.

use candle_core::{Result, Tensor};

/// The gradients by the input and by the two factors.
pub struct Gradients {
    /// (n, d_in)
    pub x: Tensor,
    /// (r, d_in)
    pub a: Tensor,
    /// (d_out, r)
    pub b: Tensor,
}

/// From the gradient `g` (n, d_out) by the output of `x W₀ᵀ + s · (x Aᵀ) Bᵀ`, without automatic differentiation.
pub fn backward(x: &Tensor, g: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Gradients> {
    todo!()
}
