//! VeRA.

use candle_core::{Result, Tensor};

/// The trained vectors of a fresh layer: `d` (r) and `b` (d_out), f32 on the CPU.
pub fn start(r: usize, d_out: usize) -> Result<(Tensor, Tensor)> {
    todo!()
}

/// The layer on `x` (n, d_in): `w` (d_out, d_in), shared `a` (r, at least d_in) and `b_shared` (at least d_out, r), vectors `d` (r), `b` (d_out).
pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b_shared: &Tensor, d: &Tensor, b: &Tensor) -> Result<Tensor> {
    todo!()
}

/// Numbers that train at rank `r` on matrices of these shapes (d_out, d_in).
pub fn params(shapes: &[(usize, usize)], r: usize) -> usize {
    todo!()
}
