//! diagnosis: the vector d is missing

use candle_core::{DType, Device::Cpu, Result, Tensor};

pub fn start(r: usize, d_out: usize) -> Result<(Tensor, Tensor)> {
    Ok((Tensor::full(0.1f32, r, &Cpu)?, Tensor::zeros(d_out, DType::F32, &Cpu)?))
}

pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b_shared: &Tensor, _d: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (d_out, d_in) = w.dims2()?;
    let (a, b_shared) = (a.narrow(1, 0, d_in)?.detach(), b_shared.narrow(0, 0, d_out)?.detach());
    x.matmul(&w.detach().t()?)? + x.matmul(&a.t()?)?.matmul(&b_shared.t()?)?.broadcast_mul(b)?
}

pub fn params(shapes: &[(usize, usize)], r: usize) -> usize {
    shapes.iter().map(|(d_out, _)| d_out + r).sum()
}
