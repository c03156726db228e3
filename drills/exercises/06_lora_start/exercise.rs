//! How LoRA starts.

use candle_core::{Result, Tensor};

/// The bound of A's uniform distribution, for a layer with `d_in` inputs.
pub fn bound(d_in: usize) -> f64 {
    todo!()
}

/// A fresh `A` (r, d_in) and `B` (d_out, r), f32 on the CPU.
pub fn start(d_in: usize, d_out: usize, r: usize) -> Result<(Tensor, Tensor)> {
    todo!()
}

/// The frozen weight that, with the factors `a` (r, d_in) and `b` (d_out, r) beside it at scale `s`, computes what `w` (d_out, d_in) did.
pub fn compensated(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    todo!()
}
