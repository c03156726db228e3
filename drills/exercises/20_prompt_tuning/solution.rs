//! Prompt tuning.
//!
//! Lester et al. 2021 (arXiv 2104.08691). `deltaw::peft` opens the model's door before layer 0 for it.

use candle_core::{Result, Tensor};

/// What losses pass over.
pub const IGNORED: i64 = -100;

/// The prompt `p` (p, d) in front of each sequence of `x` (b, n, d): (b, p + n, d).
pub fn prepend(p: &Tensor, x: &Tensor) -> Result<Tensor> {
    let (batch, _, _) = x.dims3()?;
    // One prompt for all: stretched over the batch, so that gradients of all sequences add up in it.
    let prompt = p.unsqueeze(0)?.broadcast_as((batch, p.dim(0)?, p.dim(1)?))?;
    Tensor::cat(&[&prompt, x], 1)
}

/// Positions of a sequence of `n` tokens behind a prompt of `p`.
pub fn positions(p: usize, n: usize) -> Vec<usize> {
    // The prompt takes the first p: to the model it is a part of the sequence.
    (0..p + n).collect()
}

/// What each of the p + n positions predicts.
pub fn targets(p: usize, tokens: &[i64]) -> Vec<i64> {
    // Ids of the whole sequence with the prompt as unknown, then shifted by one to the left: position i has what stands at i + 1.
    let sequence = std::iter::repeat_n(IGNORED, p).chain(tokens.iter().copied());
    sequence.skip(1).chain([IGNORED]).take(p + tokens.len()).collect()
}

/// Numbers that train in a model with `layers` layers of width `d`.
pub fn params(p: usize, d: usize, _layers: usize) -> usize {
    // At the input only: the depth does not matter.
    p * d
}
