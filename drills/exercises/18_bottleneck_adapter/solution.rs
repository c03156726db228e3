//! A bottleneck adapter.
//!
//! Houlsby et al. 2019 (arXiv 1902.00751) §2.1. `deltaw::peft` has it on a whole decoder.

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
    let narrow = u.matmul(&adapter.down.t()?)?.broadcast_add(&adapter.down_bias)?.relu()?;
    let update = narrow.matmul(&adapter.up.t()?)?.broadcast_add(&adapter.up_bias)?;
    // The residual: with weights near zero the module is near the identity, and the pretrained model is what training starts from.
    u + update
}

/// The numbers of all modules in `layers` layers of width `d`, bottleneck `m`, with `in_each` modules in a layer.
pub fn params(d: usize, m: usize, layers: usize, in_each: usize) -> usize {
    // Two matrices; the bias of `down` is as long as the bottleneck, that of `up` as the layer is wide.
    layers * in_each * (2 * d * m + m + d)
}
