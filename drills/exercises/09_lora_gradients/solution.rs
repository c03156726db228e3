//! LoRA's gradients by hand.
//!
//! The chain rule on Hu et al. 2021 (arXiv 2106.09685), equation 3.

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
    // Both intermediate products have only r columns. x must be kept from the forward pass; x Aᵀ is cheap to compute again.
    let low = x.matmul(&a.t()?)?;
    let back = (g.matmul(b)? * s)?;
    Ok(Gradients {
        // Two paths lead from x to y, so two terms. The first is there although W₀ is frozen.
        x: (g.matmul(w)? + back.matmul(a)?)?,
        // The sum over the n inputs is inside the product.
        a: back.t()?.matmul(x)?,
        b: (g.t()?.matmul(&low)? * s)?,
    })
}
