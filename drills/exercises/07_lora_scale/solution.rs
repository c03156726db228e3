//! Alpha and the rank.
//!
//! Hu et al. 2021 (arXiv 2106.09685) §4.1; Kalajdzievski 2023 (arXiv 2312.03732). PEFT's config calls the second `use_rslora`.

use candle_core::{Result, Tensor};

/// What multiplies `B A`: alpha over r, or over its root if `rslora`.
pub fn scale(alpha: f64, r: usize, rslora: bool) -> f64 {
    alpha / divisor(r, rslora)
}

/// The alpha that gives this scale at rank `r`.
pub fn alpha_for(scale: f64, r: usize, rslora: bool) -> f64 {
    scale * divisor(r, rslora)
}

/// The alpha with which a server that divides by r computes what was trained.
pub fn moved(alpha: f64, r: usize, rslora: bool) -> f64 {
    // The scale is what must stay: alpha' / r = alpha / √r gives alpha' = alpha · √r. Without rsLoRA nothing changes.
    alpha_for(scale(alpha, r, rslora), r, false)
}

/// The update, (d_out, d_in).
pub fn delta(a: &Tensor, b: &Tensor, alpha: f64, rslora: bool) -> Result<Tensor> {
    b.matmul(a)? * scale(alpha, a.dim(0)?, rslora)
}

fn divisor(r: usize, rslora: bool) -> f64 {
    let r = r as f64;
    if rslora { r.sqrt() } else { r }
}
