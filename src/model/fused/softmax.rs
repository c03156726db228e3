//! `softmax(c · scores + mask)` over the keys, for all heads at once.
//!
//! ```text
//! yᵢ = exp(zᵢ − max z) / Σⱼ exp(zⱼ − max z),  z = c x + mask      ∂L/∂xᵢ = c yᵢ (∂L/∂yᵢ − Σⱼ yⱼ ∂L/∂yⱼ)
//! ```
//!
//! candle_nn's fused `softmax_last_dim` has no backward pass.

use candle_core::{D, Result, Tensor};

use super::{
    fuses,
    lanes::{exp, max, sum},
    rows::{Rows, apply},
};

/// For `scores` (heads, t, s), `mask` (t, s) and the factor c.
pub(in crate::model) fn softmax(scores: &Tensor, mask: &Tensor, factor: f64) -> Result<Tensor> {
    if !fuses(&[scores, mask]) || scores.dims().get(1..) != Some(mask.dims()) {
        return textbook(scores, mask, factor);
    }
    apply(scores, Softmax { mask: mask.contiguous()?, factor: factor as f32 })
}

fn textbook(scores: &Tensor, mask: &Tensor, factor: f64) -> Result<Tensor> {
    candle_nn::ops::softmax(&(scores * factor)?.broadcast_add(mask)?, D::Minus1)
}

struct Softmax {
    mask: Tensor,
    factor: f32,
}

impl Rows for Softmax {
    const NAME: &'static str = "masked-softmax";

    fn shared(&self) -> &Tensor {
        &self.mask
    }

    #[inline(always)]
    fn forward(&self, mask: &[f32], row: usize, x: &[f32], y: &mut [f32]) {
        let query = row % (mask.len() / x.len());
        let mask = &mask[query * x.len()..][..x.len()];
        for ((y, x), mask) in y.iter_mut().zip(x).zip(mask) {
            *y = self.factor * x + mask;
        }
        let top = max(y);
        for y in y.iter_mut() {
            *y = exp(*y - top);
        }
        let share = 1.0 / sum(y, y, |y, _| y);
        for y in y.iter_mut() {
            *y *= share;
        }
    }

    #[inline(always)]
    fn backward(&self, _: &[f32], _: usize, [_, y, dy]: [&[f32]; 3], dx: &mut [f32]) {
        let mean = sum(y, dy, |y, dy| y * dy);
        for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = self.factor * y * (dy - mean);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{DType, Device};

    use super::{super::same, softmax, textbook};
    use crate::model::rope::{causal_mask, packed_mask};

    #[test]
    fn it_is_the_textbook_form() {
        for (heads, prefix, tokens) in [(1, 0, 1), (3, 0, 5), (4, 3, 17), (2, 0, 64)] {
            let mask = causal_mask(prefix, tokens, DType::F32, &Device::Cpu).unwrap();
            same::forward_and_backward(
                &[&[heads, tokens, prefix + tokens]],
                |x| softmax(x[0], &mask, 0.125),
                |x| textbook(x[0], &mask, 0.125),
            );
        }
        let mask = packed_mask(&[2, 5, 1], DType::F32, &Device::Cpu).unwrap();
        same::forward_and_backward(&[&[3, 8, 8]], |x| softmax(x[0], &mask, 1.0), |x| textbook(x[0], &mask, 1.0));
    }
}
