//! diagnosis: the update shrinks by √r

use candle_core::{Result, Tensor};

fn divisor(r: usize, rslora: bool) -> f64 {
    if rslora { (r as f64).sqrt() } else { r as f64 }
}

pub fn scale(alpha: f64, r: usize, rslora: bool) -> f64 {
    alpha / divisor(r, rslora)
}

pub fn alpha_for(scale: f64, r: usize, rslora: bool) -> f64 {
    scale * divisor(r, rslora)
}

pub fn moved(alpha: f64, _r: usize, _rslora: bool) -> f64 {
    alpha
}

pub fn delta(a: &Tensor, b: &Tensor, alpha: f64, rslora: bool) -> Result<Tensor> {
    b.matmul(a)? * scale(alpha, a.dim(0)?, rslora)
}
