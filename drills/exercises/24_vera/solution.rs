//! VeRA.
//!
//! Kopiczko, Blankevoort, Asano 2023 (arXiv 2310.11454); slices and the start of d as in PEFT. `deltaw::peft` has it on a whole decoder.

use candle_core::{DType, Device::Cpu, Result, Tensor};

/// The trained vectors of a fresh layer: `d` (r) and `b` (d_out), f32 on the CPU.
pub fn start(r: usize, d_out: usize) -> Result<(Tensor, Tensor)> {
    // b = 0 leaves the base as it is; d must not be zero too, or neither would ever get a gradient.
    Ok((Tensor::full(0.1f32, r, &Cpu)?, Tensor::zeros(d_out, DType::F32, &Cpu)?))
}

/// The layer on `x` (n, d_in): `w` (d_out, d_in), shared `a` (r, at least d_in) and `b_shared` (at least d_out, r), vectors `d` (r), `b` (d_out).
pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b_shared: &Tensor, d: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (d_out, d_in) = w.dims2()?;
    // The slices are views of the one random pair.
    let (a, b_shared) = (a.narrow(1, 0, d_in)?.detach(), b_shared.narrow(0, 0, d_out)?.detach());
    let low = x.matmul(&a.t()?)?.broadcast_mul(d)?;
    let update = low.matmul(&b_shared.t()?)?.broadcast_mul(b)?;
    x.matmul(&w.detach().t()?)? + update
}

/// Numbers that train at rank `r` on matrices of these shapes (d_out, d_in).
pub fn params(shapes: &[(usize, usize)], r: usize) -> usize {
    // Nothing depends on the inputs: A is frozen.
    shapes.iter().map(|(d_out, _)| d_out + r).sum()
}
