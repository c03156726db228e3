//! diagnosis: rsLoRA divides by the root

use candle_core::{Result, Tensor};

pub fn scale(alpha: f64, r: usize, _rslora: bool) -> f64 {
    alpha / r as f64
}

pub fn alpha_for(scale: f64, r: usize, _rslora: bool) -> f64 {
    scale * r as f64
}

pub fn moved(alpha: f64, _r: usize, _rslora: bool) -> f64 {
    alpha
}

pub fn delta(a: &Tensor, b: &Tensor, alpha: f64, _rslora: bool) -> Result<Tensor> {
    b.matmul(a)? * scale(alpha, a.dim(0)?, false)
}
