//! The mean cross entropy of a head's logits, without keeping the logits.
//!
//! ```text
//! z = W x,  p = softmax(z)      loss = mean(ln Σ exp zⱼ − z_target)      ∂loss/∂x = mean of Wᵀ (p − e_target)
//! ```
//!
//! Logits are by far the widest tensor of a language model: 49,152 numbers a token in SmolLM2. The gradient of a mean is a multiple of what can
//! be computed while a few rows of logits are there, so they are made some rows at a time, turned in place into p − e, multiplied by W, and
//! written over by the next rows. Two products, as many as the textbook form takes.

use std::sync::Mutex;

use candle_core::{CpuStorage, CustomOp1, InplaceOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::{
    fuses,
    lanes::{exp, max, sum, wide},
};
use crate::model::frozen::linear;

/// Logits that are alive at once: 32 MB.
const ALIVE: usize = 1 << 23;

/// Mean cross entropy, in nats, a scalar, for `x` (rows, hidden), the head's `weight` (vocab, hidden) and `targets` (rows) in u32.
pub(in crate::model) fn mean_loss(x: &Tensor, weight: &Tensor, targets: &Tensor) -> Result<Tensor> {
    if weight.track_op() || !fuses(&[x, weight]) || x.elem_count() == 0 {
        return textbook(x, weight, targets);
    }
    let (rows, _) = x.dims2()?;
    let (vocab, _) = weight.dims2()?;
    let names = targets.to_vec1::<u32>()?;
    if names.len() != rows || names.iter().any(|name| *name as usize >= vocab) {
        bail!(
            "cross entropy of {rows} rows over {vocab} tokens: {} targets, or one outside the vocabulary",
            names.len()
        );
    }
    let parts = (rows * vocab).div_ceil(ALIVE).max(1);
    let part = rows.div_ceil(parts);
    let (mut total, mut slopes) = (0.0, Vec::new());
    for (index, names) in names.chunks(part).enumerate() {
        let here = x.detach().narrow(0, index * part, names.len())?;
        let logits = here.matmul(&weight.t()?)?;
        let slope = Slope { targets: names, losses: Mutex::new(0.0) };
        logits.inplace_op1(&slope)?;
        total += slope.losses.into_inner().unwrap_or(f64::NAN);
        if x.track_op() {
            slopes.push(logits.matmul(weight)?);
        }
    }
    let slope = if slopes.is_empty() { None } else { Some((Tensor::cat(&slopes, 0)? / rows as f64)?) };
    x.apply_op1(MeanLoss { loss: (total / rows as f64) as f32, slope })
}

fn textbook(x: &Tensor, weight: &Tensor, targets: &Tensor) -> Result<Tensor> {
    candle_nn::loss::cross_entropy(&linear(x, weight)?, targets)
}

/// Turns logits (rows, vocab) into p − e_target and adds up the rows' losses.
struct Slope<'a> {
    targets: &'a [u32],
    losses: Mutex<f64>,
}

impl InplaceOp1 for Slope<'_> {
    fn name(&self) -> &'static str {
        "cross-entropy-slope"
    }

    fn cpu_fwd(&self, logits: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(logits), Some((start, end))) = (logits, layout.contiguous_offsets()) else {
            bail!("cross entropy takes dense logits in f32")
        };
        let vocab = layout.dims()[1];
        let rows = logits[start..end].par_chunks_mut(vocab).zip(self.targets);
        // Collected first, so that the sum does not depend on who was ready when.
        let losses: Vec<f32> = rows
            .map(|(z, target)| {
                wide(
                    #[inline(always)]
                    || row(z, *target as usize),
                )
            })
            .collect();
        if let Ok(mut total) = self.losses.lock() {
            *total = losses.into_iter().map(f64::from).sum();
        }
        Ok(())
    }
}

/// The loss of one row, whose logits become p − e.
#[inline(always)]
fn row(z: &mut [f32], target: usize) -> f32 {
    let (top, wanted) = (max(z), z[target]);
    for z in z.iter_mut() {
        *z = exp(*z - top);
    }
    let total = sum(z, z, |z, _| z);
    let share = 1.0 / total;
    for z in z.iter_mut() {
        *z *= share;
    }
    z[target] -= 1.0;
    total.ln() + top - wanted
}

/// The loss as a node of the graph.
struct MeanLoss {
    loss: f32,
    slope: Option<Tensor>,
}

impl CustomOp1 for MeanLoss {
    fn name(&self) -> &'static str {
        "mean-loss"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.loss]), Shape::from(())))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        self.slope.as_ref().map(|slope| slope.broadcast_mul(grad)).transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor};

    use super::{super::same, mean_loss, textbook};

    #[test]
    fn it_is_the_textbook_form() {
        // The last takes three parts; over a wider vocabulary both forms' own sums in f32 would be further apart than what is allowed.
        for (rows, vocab, hidden) in [(1, 1, 1), (3, 7, 5), (10, 100, 16), (2000, 10_000, 2)] {
            let weight = Tensor::randn(0f32, 1f32, (vocab, hidden), &Device::Cpu).unwrap();
            let targets: Vec<u32> = (0..rows).map(|row| (row * 7919 % vocab) as u32).collect();
            let targets = Tensor::new(targets, &Device::Cpu).unwrap();
            same::forward_and_backward(
                &[&[rows, hidden]],
                |x| mean_loss(x[0], &weight, &targets),
                |x| textbook(x[0], &weight, &targets),
            );
        }
    }

    #[test]
    fn a_target_outside_the_vocabulary_is_an_error() {
        let at = |shape: (usize, usize)| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        let targets = Tensor::new(&[4u32, 5], &Device::Cpu).unwrap();
        assert!(mean_loss(&at((2, 3)), &at((5, 3)), &targets).is_err());
    }
}
