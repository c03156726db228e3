//! AdapterFusion.
//!
//! Pfeiffer et al. 2020 (arXiv 2005.00247) §3. `deltaw::peft` has it on a whole decoder.

use candle_core::{D, Result, Tensor};
use candle_nn::ops::softmax;

/// The mix of the adapters' outputs, (n, d). `h` and each of `z` are (n, d), the matrices (d, d).
pub fn fuse(h: &Tensor, z: &[Tensor], q: &Tensor, k: &Tensor, v: &Tensor) -> Result<Tensor> {
    // (n, adapters, d), frozen: the second stage trains the mixer alone.
    let z = Tensor::stack(z, 1)?.detach();
    let query = h.matmul(&q.t()?)?.unsqueeze(1)?;
    // A dot product for each input and adapter: the sum over d is the last dimension, the adapters are the one before.
    let scores = z.broadcast_matmul(&k.t()?)?.broadcast_mul(&query)?.sum(D::Minus1)?;
    let weights = softmax(&scores, D::Minus1)?.unsqueeze(2)?;
    z.broadcast_matmul(&v.t()?)?.broadcast_mul(&weights)?.sum(1)
}

/// Numbers of Q, K and V in `layers` layers of width `d`.
pub fn params(d: usize, layers: usize) -> usize {
    3 * d * d * layers
}
