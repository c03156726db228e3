//! diagnosis: the adapters are averaged

use candle_core::{Result, Tensor};

pub fn fuse(_h: &Tensor, z: &[Tensor], _q: &Tensor, _k: &Tensor, v: &Tensor) -> Result<Tensor> {
    Tensor::stack(z, 1)?.detach().broadcast_matmul(&v.t()?)?.mean(1)
}

pub fn params(d: usize, layers: usize) -> usize {
    3 * d * d * layers
}
