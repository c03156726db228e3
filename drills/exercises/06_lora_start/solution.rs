//! How LoRA starts.
//!
//! Hu et al. 2021 (arXiv 2106.09685) §4.1; the bound as in the authors' loralib and in PEFT.

use candle_core::{DType, Device::Cpu, Result, Tensor};

/// The bound of A's uniform distribution, for a layer with `d_in` inputs.
pub fn bound(d_in: usize) -> f64 {
    // 1/√3 · √(3 / d_in): the threes cancel. The rank does not occur: fan-in is the number of inputs.
    1.0 / (d_in as f64).sqrt()
}

/// A fresh `A` (r, d_in) and `B` (d_out, r), f32 on the CPU.
pub fn start(d_in: usize, d_out: usize, r: usize) -> Result<(Tensor, Tensor)> {
    let bound = bound(d_in) as f32;
    // The random factor is the one that x meets first: it gives B something to learn from.
    Ok((Tensor::rand(-bound, bound, (r, d_in), &Cpu)?, Tensor::zeros((d_out, r), DType::F32, &Cpu)?))
}

/// The frozen weight that, with the factors `a` (r, d_in) and `b` (d_out, r) beside it at scale `s`, computes what `w` (d_out, d_in) did.
pub fn compensated(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    // What the adapter will add is taken out beforehand, with the scale.
    w - (b.matmul(a)? * s)?
}
