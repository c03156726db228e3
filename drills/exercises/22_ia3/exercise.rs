//! (IA)³: three vectors a layer.

use candle_core::{Result, Tensor};

/// `l ⊙ (W x)` for each row of `x`: `x` (n, d_in), `w` (d_out, d_in), `l` (d_out).
pub fn scaled(x: &Tensor, w: &Tensor, l: &Tensor) -> Result<Tensor> {
    todo!()
}

/// `W₂ (l ⊙ relu(W₁ x))` for each row of `x`: `w1` (ff, d), `w2` (d, ff), `l` (ff).
pub fn mlp(x: &Tensor, w1: &Tensor, w2: &Tensor, l: &Tensor) -> Result<Tensor> {
    todo!()
}

/// `diag(l) W`: `w` (d_out, d_in), `l` (d_out).
pub fn fold_outputs(w: &Tensor, l: &Tensor) -> Result<Tensor> {
    todo!()
}

/// `W diag(l)`: `w` (d_out, d_in), `l` (d_in).
pub fn fold_inputs(w: &Tensor, l: &Tensor) -> Result<Tensor> {
    todo!()
}

/// Numbers that train.
pub fn params(layers: usize, kv: usize, ff: usize) -> usize {
    todo!()
}
