//! diagnosis: of the whole quotient

use candle_core::{Result, Tensor};

pub fn scale(alpha: f64, r: usize, rslora: bool) -> f64 {
    let quotient = alpha / r as f64;
    if rslora { quotient.sqrt() } else { quotient }
}

pub fn alpha_for(scale: f64, r: usize, rslora: bool) -> f64 {
    if rslora { scale * scale * r as f64 } else { scale * r as f64 }
}

pub fn moved(alpha: f64, r: usize, rslora: bool) -> f64 {
    alpha_for(scale(alpha, r, rslora), r, false)
}

pub fn delta(a: &Tensor, b: &Tensor, alpha: f64, rslora: bool) -> Result<Tensor> {
    b.matmul(a)? * scale(alpha, a.dim(0)?, rslora)
}
