//! diagnosis: alpha is not divided by anything

use candle_core::{Result, Tensor};

pub fn scale(alpha: f64, _r: usize, _rslora: bool) -> f64 {
    alpha
}

pub fn alpha_for(scale: f64, _r: usize, _rslora: bool) -> f64 {
    scale
}

pub fn moved(alpha: f64, _r: usize, _rslora: bool) -> f64 {
    alpha
}

pub fn delta(a: &Tensor, b: &Tensor, alpha: f64, _rslora: bool) -> Result<Tensor> {
    b.matmul(a)? * alpha
}
