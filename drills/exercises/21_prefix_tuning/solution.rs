//! Prefix tuning in attention.
//!
//! Li and Liang 2021 (arXiv 2101.00190). `deltaw::peft` opens the model's cache for it.

use candle_core::{D, Result, Tensor};
use candle_nn::ops::softmax;

/// For each of `n` queries, which of the p + n keys it may see.
pub fn visible(p: usize, n: usize) -> Vec<Vec<bool>> {
    // Key p + j is token j. The prefix lies before all of them.
    (0..n).map(|query| (0..p + n).map(|key| key < p || key - p <= query).collect()).collect()
}

/// Causal attention of one head with a prefix: `q`, `k`, `v` are (n, d), `pk` and `pv` (p, d); the result is (n, d).
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor, pk: &Tensor, pv: &Tensor) -> Result<Tensor> {
    let (n, d) = q.dims2()?;
    let p = pk.dim(0)?;
    let (k, v) = (Tensor::cat(&[pk, k], 0)?, Tensor::cat(&[pv, v], 0)?);
    let hidden = |seen: bool| if seen { 0f32 } else { f32::NEG_INFINITY };
    let mask: Vec<f32> = visible(p, n).into_iter().flatten().map(hidden).collect();
    let mask = Tensor::from_vec(mask, (n, p + n), q.device())?;
    // Masked before the softmax: what is hidden must not share in the sum that the weights are divided by.
    let scores = ((q.matmul(&k.t()?)? / (d as f64).sqrt())? + mask)?;
    softmax(&scores, D::Minus1)?.matmul(&v)
}

/// Stored numbers of a prefix of length `p` in `layers` layers, keys and values each `kv` wide.
pub fn params(p: usize, layers: usize, kv: usize) -> usize {
    2 * p * layers * kv
}
