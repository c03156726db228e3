//! Prefix tuning in attention.

use candle_core::{Result, Tensor};

/// For each of `n` queries, which of the p + n keys it may see.
pub fn visible(p: usize, n: usize) -> Vec<Vec<bool>> {
    todo!()
}

/// Causal attention of one head with a prefix: `q`, `k`, `v` are (n, d), `pk` and `pv` (p, d); the result is (n, d).
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor, pk: &Tensor, pv: &Tensor) -> Result<Tensor> {
    todo!()
}

/// Stored numbers of a prefix of length `p` in `layers` layers, keys and values each `kv` wide.
pub fn params(p: usize, layers: usize, kv: usize) -> usize {
    todo!()
}
