//! A bottleneck adapter.

use candle_core::{Result, Tensor};

/// The weights of one module.
pub struct Adapter {
    /// (m, d)
    pub down: Tensor,
    /// (m)
    pub down_bias: Tensor,
    /// (d, m)
    pub up: Tensor,
    /// (d)
    pub up_bias: Tensor,
}

/// `u + up(relu(down(u)))` for `u` (n, d).
pub fn forward(u: &Tensor, adapter: &Adapter) -> Result<Tensor> {
    todo!()
}

/// The numbers of all modules in `layers` layers of width `d`, bottleneck `m`, with `in_each` modules in a layer.
pub fn params(d: usize, m: usize, layers: usize, in_each: usize) -> usize {
    todo!()
}
