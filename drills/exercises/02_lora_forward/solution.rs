//! LoRA's forward pass.
//!
//! Hu et al. 2021 (arXiv 2106.09685), equation 3. `deltaw::peft::lora` is the same on a whole decoder.

use candle_core::{Result, Tensor};

/// `x W₀ᵀ + (alpha / r) · (x Aᵀ) Bᵀ`, with `W₀` frozen.
///
/// `x` is (n, d_in), `w` (d_out, d_in), `a` (r, d_in), `b` (d_out, r); the result is (n, d_out).
pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, alpha: f64) -> Result<Tensor> {
    // Frozen: to the backward pass it is a constant. Gradients still flow through it into x, as the layers below need.
    let base = x.matmul(&w.detach().t()?)?;
    // First down to r columns, then up: 2·n·r·(d_in + d_out) operations. Forming B A first would cost 2·d_out·r·d_in before any input is seen.
    let update = x.matmul(&a.t()?)?.matmul(&b.t()?)?;
    base + (update * scale(a, alpha)?)?
}

/// `ΔW = (alpha / r) · B A`, (d_out, d_in).
pub fn delta(a: &Tensor, b: &Tensor, alpha: f64) -> Result<Tensor> {
    b.matmul(a)? * scale(a, alpha)?
}

/// alpha over the rank; A has a row for each rank.
fn scale(a: &Tensor, alpha: f64) -> Result<f64> {
    Ok(alpha / a.dim(0)? as f64)
}
