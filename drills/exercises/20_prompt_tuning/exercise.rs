//! Prompt tuning.

use candle_core::{Result, Tensor};

/// What losses pass over.
pub const IGNORED: i64 = -100;

/// The prompt `p` (p, d) in front of each sequence of `x` (b, n, d): (b, p + n, d).
pub fn prepend(p: &Tensor, x: &Tensor) -> Result<Tensor> {
    todo!()
}

/// Positions of a sequence of `n` tokens behind a prompt of `p`.
pub fn positions(p: usize, n: usize) -> Vec<usize> {
    todo!()
}

/// What each of the p + n positions predicts.
pub fn targets(p: usize, tokens: &[i64]) -> Vec<i64> {
    todo!()
}

/// Numbers that train in a model with `layers` layers of width `d`.
pub fn params(p: usize, d: usize, layers: usize) -> usize {
    todo!()
}
