//! Rotary position embedding (Su et al. 2021, arXiv 2104.09864) in the rotate-half form of LLaMA checkpoints:
//! a head's first half is the real part, its second half the imaginary part, and position `p` turns pair `i` by `p · theta^(-2i/n)`.

use candle_core::{DType, Device, Result, Tensor};

use super::fused::rotate;
use crate::device::up;

/// Cosines and sines for consecutive positions, each (tokens, head_dim / 2).
pub(super) struct Rope {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// Angles for positions `start .. start + tokens`.
    pub(super) fn new(theta: f64, head_dim: usize, start: usize, tokens: usize, device: &Device) -> Result<Self> {
        Self::at(theta, head_dim, start..start + tokens, device)
    }

    /// Angles for any positions.
    pub(super) fn at(
        theta: f64,
        head_dim: usize,
        positions: impl IntoIterator<Item = usize>,
        device: &Device,
    ) -> Result<Self> {
        let half = head_dim / 2;
        let frequencies: Vec<f64> = (0..half).map(|pair| theta.powf(-2.0 * pair as f64 / head_dim as f64)).collect();
        let angle = |position: usize| frequencies.iter().map(move |frequency| (position as f64 * frequency) as f32);
        let angles: Vec<f32> = positions.into_iter().flat_map(angle).collect();
        let count = angles.len() / half.max(1);
        let angles = up(angles, (count, half), device)?;
        Ok(Self { cos: angles.cos()?, sin: angles.sin()? })
    }

    /// Turns `x` (1, tokens, heads, head_dim) by a fused operation, through which no gradient flows.
    pub(super) fn apply_fused(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::rotary_emb::rope_thd(x, &self.cos, &self.sin)
    }

    /// Turns `x` (batch, heads, tokens, head_dim).
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        rotate(x, &self.cos, &self.sin)
    }
}

/// What is added to the scores (tokens, prefix + tokens): 0 where a token may look, −∞ at later tokens.
pub(super) fn causal_mask(prefix: usize, tokens: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    let mut mask = Vec::with_capacity(tokens * (prefix + tokens));
    for query in 0..tokens {
        mask.extend((0..prefix + tokens).map(|key| if key <= prefix + query { 0f32 } else { f32::NEG_INFINITY }));
    }
    up(mask, (tokens, prefix + tokens), device)?.to_dtype(dtype)
}

/// The same for sequences of these `lengths` one after another in a row: a token looks back to the start of its own sequence. The result is
/// (tokens, tokens).
pub(super) fn packed_mask(lengths: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
    let tokens: usize = lengths.iter().sum();
    let mut mask = vec![f32::NEG_INFINITY; tokens * tokens];
    let mut start = 0;
    for length in lengths {
        for query in start..start + length {
            mask[query * tokens + start..=query * tokens + query].fill(0.0);
        }
        start += length;
    }
    up(mask, (tokens, tokens), device)?.to_dtype(dtype)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn turning_keeps_lengths_and_scores_depend_on_distance_only() {
        let device = Device::Cpu;
        let x = Tensor::randn(0f32, 1f32, (1, 1, 1, 8), &device).unwrap();
        let y = Tensor::randn(0f32, 1f32, (1, 1, 1, 8), &device).unwrap();
        let at = |x: &Tensor, position| Rope::new(10_000.0, 8, position, 1, &device).unwrap().apply(x).unwrap();
        let dot = |a: &Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        assert!((dot(&at(&x, 9), &at(&x, 9)) - dot(&x, &x)).abs() < 1e-4);
        assert!((dot(&at(&x, 9), &at(&y, 4)) - dot(&at(&x, 25), &at(&y, 20))).abs() < 1e-4);
        assert!((dot(&at(&x, 9), &at(&y, 4)) - dot(&at(&x, 9), &at(&y, 5))).abs() > 1e-6);
    }

    #[test]
    fn packed_sequences_do_not_see_each_other() {
        let mask = packed_mask(&[2, 1], DType::F32, &Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        let no = f32::NEG_INFINITY;
        assert_eq!(mask, [[0.0, no, no], [0.0, 0.0, no], [no, no, 0.0]]);
    }

    #[test]
    fn the_mask_lets_everyone_see_the_prefix_and_nobody_the_future() {
        let mask = causal_mask(2, 2, DType::F32, &Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(mask, [[0.0, 0.0, 0.0, f32::NEG_INFINITY], [0.0, 0.0, 0.0, 0.0]]);
    }
}
