//! RMSNorm: `x / sqrt(mean(x²) + eps) ⊙ w` (Zhang & Sennrich 2019, arXiv 1910.07467).
//!
//! Composed of differentiable operations: candle's fused `rms_norm` has no backward pass, and gradients would vanish silently below it.

use candle_core::{D, Result, Tensor};

/// Normalises the last dimension of `x` (…, n) and scales it by `weight` (n).
pub(super) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let mean_square = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(mean_square + eps)?.sqrt()?)?.broadcast_mul(weight)
}
