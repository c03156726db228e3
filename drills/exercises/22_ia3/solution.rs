//! (IA)³: three vectors a layer.
//!
//! Liu et al. 2022 (arXiv 2205.05638) §3.3. `deltaw::peft` has it on a whole decoder.

use candle_core::{Result, Tensor};

/// `l ⊙ (W x)` for each row of `x`: `x` (n, d_in), `w` (d_out, d_in), `l` (d_out).
pub fn scaled(x: &Tensor, w: &Tensor, l: &Tensor) -> Result<Tensor> {
    x.matmul(&w.t()?)?.broadcast_mul(l)
}

/// `W₂ (l ⊙ relu(W₁ x))` for each row of `x`: `w1` (ff, d), `w2` (d, ff), `l` (ff).
pub fn mlp(x: &Tensor, w1: &Tensor, w2: &Tensor, l: &Tensor) -> Result<Tensor> {
    // After relu: a negative factor must be able to turn a hidden unit round.
    x.matmul(&w1.t()?)?.relu()?.broadcast_mul(l)?.matmul(&w2.t()?)
}

/// `diag(l) W`: `w` (d_out, d_in), `l` (d_out).
pub fn fold_outputs(w: &Tensor, l: &Tensor) -> Result<Tensor> {
    // As a column (d_out, 1): broadcasting fits shapes from the right.
    w.broadcast_mul(&l.unsqueeze(1)?)
}

/// `W diag(l)`: `w` (d_out, d_in), `l` (d_in).
pub fn fold_inputs(w: &Tensor, l: &Tensor) -> Result<Tensor> {
    w.broadcast_mul(l)
}

/// Numbers that train.
pub fn params(layers: usize, kv: usize, ff: usize) -> usize {
    layers * (2 * kv + ff)
}
