//! AdapterFusion.

use candle_core::{Result, Tensor};

/// The mix of the adapters' outputs, (n, d). `h` and each of `z` are (n, d), the matrices (d, d).
pub fn fuse(h: &Tensor, z: &[Tensor], q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    todo!()
}

/// Numbers of Q, K and V in `layers` layers of width `d`.
pub fn params(d: usize, layers: usize) -> usize {
    todo!()
}
