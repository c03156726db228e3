//! diagnosis: behind the tokens

use candle_core::{Result, Tensor};

pub const IGNORED: i64 = -100;

pub fn prepend(p: &Tensor, x: &Tensor) -> Result<Tensor> {
    let prompt = p.unsqueeze(0)?.broadcast_as((x.dim(0)?, p.dim(0)?, p.dim(1)?))?;
    Tensor::cat(&[x, &prompt], 1)
}

pub fn positions(p: usize, n: usize) -> Vec<usize> {
    (0..p + n).collect()
}

pub fn targets(p: usize, tokens: &[i64]) -> Vec<i64> {
    let sequence = std::iter::repeat_n(IGNORED, p).chain(tokens.iter().copied());
    sequence.skip(1).chain([IGNORED]).take(p + tokens.len()).collect()
}

pub fn params(p: usize, d: usize, _layers: usize) -> usize {
    p * d
}
