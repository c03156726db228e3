//! diagnosis: the bias of down has m numbers

use candle_core::{Result, Tensor};

pub struct Adapter {
    pub down: Tensor,
    pub down_bias: Tensor,
    pub up: Tensor,
    pub up_bias: Tensor,
}

pub fn forward(u: &Tensor, adapter: &Adapter) -> Result<Tensor> {
    let narrow = u.matmul(&adapter.down.t()?)?.broadcast_add(&adapter.down_bias)?.relu()?;
    u + narrow.matmul(&adapter.up.t()?)?.broadcast_add(&adapter.up_bias)?
}

pub fn params(d: usize, m: usize, layers: usize, in_each: usize) -> usize {
    layers * in_each * (2 * d * m + d + d)
}
