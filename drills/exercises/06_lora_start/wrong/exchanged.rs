//! diagnosis: A and B are exchanged

use candle_core::{DType, Device::Cpu, Result, Tensor};

pub fn bound(d_in: usize) -> f64 {
    1.0 / (d_in as f64).sqrt()
}

pub fn start(d_in: usize, d_out: usize, r: usize) -> Result<(Tensor, Tensor)> {
    let bound = bound(d_in) as f32;
    Ok((Tensor::zeros((r, d_in), DType::F32, &Cpu)?, Tensor::rand(-bound, bound, (d_out, r), &Cpu)?))
}

pub fn compensated(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    w - (b.matmul(a)? * s)?
}
