//! diagnosis: taken from the rank

use candle_core::{DType, Device::Cpu, Result, Tensor};

pub fn bound(d_in: usize) -> f64 {
    1.0 / (d_in as f64).sqrt()
}

pub fn start(d_in: usize, d_out: usize, r: usize) -> Result<(Tensor, Tensor)> {
    let bound = bound(r) as f32;
    Ok((Tensor::rand(-bound, bound, (r, d_in), &Cpu)?, Tensor::zeros((d_out, r), DType::F32, &Cpu)?))
}

pub fn compensated(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    w - (b.matmul(a)? * s)?
}
