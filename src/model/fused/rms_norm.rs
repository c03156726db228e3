//! RMSNorm (Zhang & Sennrich 2019, arXiv 1910.07467): `y = x ⊙ w / √(mean(x²) + ε)` over the last dimension n.
//!
//! ```text
//! s = 1 / √(mean(x²) + ε)      y = s x ⊙ w
//! g = ∂L/∂y ⊙ w                ∂L/∂x = s (g − s² x mean(g ⊙ x))
//! ```
//!
//! candle's own fused `rms_norm` has no backward pass: gradients would vanish silently below it.

use candle_core::{D, Result, Tensor};

use super::{
    fuses,
    lanes::sum,
    rows::{Rows, apply},
    scale::scale,
};

/// Normalises the last dimension of `x` (…, n) and scales it by `weight` (n).
pub(in crate::model) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    if !fuses(&[x, weight]) || x.dims().last() != weight.dims().last() {
        return textbook(x, weight, eps);
    }
    if weight.track_op() {
        // One op for the norm, one for the weight, whose gradient that has.
        return scale(&rms_norm(x, &weight.detach().ones_like()?, eps)?, weight);
    }
    apply(x, RmsNorm { weight: weight.contiguous()?, eps: eps as f32 })
}

fn textbook(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let mean_square = x.sqr()?.mean_keepdim(D::Minus1)?;
    x.broadcast_div(&(mean_square + eps)?.sqrt()?)?.broadcast_mul(weight)
}

struct RmsNorm {
    weight: Tensor,
    eps: f32,
}

impl RmsNorm {
    /// s of a row.
    #[inline(always)]
    fn scale(&self, x: &[f32]) -> f32 {
        1.0 / (sum(x, x, |a, b| a * b) / x.len() as f32 + self.eps).sqrt()
    }
}

impl Rows for RmsNorm {
    const NAME: &'static str = "rms-norm";

    fn shared(&self) -> &Tensor {
        &self.weight
    }

    #[inline(always)]
    fn forward(&self, weight: &[f32], _: usize, x: &[f32], y: &mut [f32]) {
        let s = self.scale(x);
        for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
            *y = s * x * w;
        }
    }

    #[inline(always)]
    fn backward(&self, weight: &[f32], _: usize, [x, _, dy]: [&[f32]; 3], dx: &mut [f32]) {
        for ((g, dy), w) in dx.iter_mut().zip(dy).zip(weight) {
            *g = dy * w;
        }
        let s = self.scale(x);
        let along = s * s * sum(dx, x, |g, x| g * x) / x.len() as f32;
        for (g, x) in dx.iter_mut().zip(x) {
            *g = s * (*g - along * x);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor};

    use super::{super::same, rms_norm, textbook};

    #[test]
    fn it_is_the_textbook_form() {
        for shape in [vec![1, 1], vec![3, 7], vec![2, 5, 64], vec![40, 576], vec![0, 8]] {
            // Alone in its row a number cancels in its own gradient, all the more the smaller it is beside √ε.
            let eps = if shape[1] == 1 { 0.1 } else { 1e-5 };
            let weight = Tensor::randn(1f32, 0.5f32, *shape.last().unwrap(), &Device::Cpu).unwrap();
            same::forward_and_backward(&[&shape], |x| rms_norm(x[0], &weight, eps), |x| textbook(x[0], &weight, eps));
            if shape[0] == 0 {
                // candle gives no gradient to a vector that is multiplied with no rows.
                continue;
            }
            let trained = [&shape[..], &shape[shape.len() - 1..]];
            same::forward_and_backward(&trained, |x| rms_norm(x[0], x[1], eps), |x| textbook(x[0], x[1], eps));
        }
    }
}
