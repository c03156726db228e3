//! Alpha and the rank.

use candle_core::{Result, Tensor};

/// What multiplies `B A`: alpha over r, or over its root if `rslora`.
pub fn scale(alpha: f64, r: usize, rslora: bool) -> f64 {
    todo!()
}

/// The alpha that gives this scale at rank `r`.
pub fn alpha_for(scale: f64, r: usize, rslora: bool) -> f64 {
    todo!()
}

/// The alpha with which a server that divides by r computes what was trained.
pub fn moved(alpha: f64, r: usize, rslora: bool) -> f64 {
    todo!()
}

/// The update, (d_out, d_in).
pub fn delta(a: &Tensor, b: &Tensor, alpha: f64, rslora: bool) -> Result<Tensor> {
    todo!()
}
