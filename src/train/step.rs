//! One step: the gradients of one or several batches, clipped, handed to the optimiser.

use candle_core::{Result, Tensor, Var, backprop::GradStore};

use super::{Batch, loss, recompute};
use crate::{
    device,
    model::{Decoder, Doors},
    optim::{Optimizer, clip},
    peft::{Dropout, Fusion},
};

/// What takes steps.
pub struct Stepper<'a> {
    /// The model in training.
    pub model: &'a Decoder,
    /// The method's doors in it.
    pub doors: &'a dyn Doors,
    /// What is trained; asked for where gradients are accumulated, clipped, regularised or recomputed.
    pub variables: Vec<Var>,
    /// The longest gradient, by Euclidean norm over all tensors.
    pub clip: Option<f64>,
    /// Keep the inputs of blocks only and compute the rest again in the backward pass (Chen et al. 2016, arXiv 1604.06174).
    pub recompute: bool,
    /// The method's dropout, whose masks recomputing must draw again.
    pub dropout: Option<&'a Dropout>,
    /// The method's fusion: its regulariser is minimised with the loss, and not part of the loss that is reported.
    pub fusion: Option<&'a Fusion>,
}

/// What a step found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken {
    /// Mean cross entropy of the scored tokens *before* the update, in nats.
    pub loss: f64,
    /// Norm of the gradient before clipping; absent without clipping.
    pub norm: Option<f64>,
    /// Tokens read, padding included.
    pub tokens: usize,
}

impl<'a> Stepper<'a> {
    /// Neither accumulates nor clips nor recomputes.
    #[must_use]
    pub fn plain(model: &'a Decoder, doors: &'a dyn Doors) -> Self {
        Self { model, doors, variables: Vec::new(), clip: None, recompute: false, dropout: None, fusion: None }
    }

    /// One update from the mean loss over all scored tokens of all `batches`: the same, but for rounding, as if they were one.
    ///
    /// # Errors
    /// A tensor operation fails, or a batch scores nothing.
    pub fn step(&self, optimizer: &mut dyn Optimizer, rate: f64, batches: &[Batch]) -> Result<Taken> {
        let scored: usize = batches.iter().map(Batch::scored).sum();
        if batches.iter().any(|batch| batch.scored() == 0) {
            candle_core::bail!("a batch has no scored token: there is nothing to learn from");
        }
        let (mut total, mut loss) = (None, 0.0);
        for batch in batches {
            let share = batch.scored() as f64 / scored as f64;
            let (own, grads) = self.gradients(batch, share)?;
            loss += share * own;
            total = Some(match total {
                None => grads,
                Some(sum) => add(sum, grads, &self.variables)?,
            });
        }
        let mut grads = total.unwrap_or_default();
        if let Some(fusion) = self.fusion {
            grads = add(grads, fusion.regularisation()?.backward()?, &self.variables)?;
        }
        let norm = self.clip.map(|limit| clip(&mut grads, &self.variables, limit)).transpose()?;
        optimizer.set_learning_rate(rate);
        optimizer.step(&grads)?;
        Ok(Taken { loss, norm, tokens: batches.iter().map(|batch| batch.ids.elem_count()).sum() })
    }

    /// The loss of a batch, and the gradients of `share` times it.
    fn gradients(&self, batch: &Batch, share: f64) -> Result<(f64, GradStore)> {
        if self.recompute {
            return recompute::gradients(self, batch, share);
        }
        let loss = loss(self.model, self.doors, batch)?;
        let value = scalar(&loss)?;
        let scaled = if share == 1.0 { loss } else { (loss * share)? };
        Ok((value, scaled.backward()?))
    }
}

pub(super) fn scalar(loss: &Tensor) -> Result<f64> {
    Ok(f64::from(device::scalar(loss)?))
}

/// The gradients of `variables` in `more` added to those in `sum`.
pub(super) fn add(mut sum: GradStore, mut more: GradStore, variables: &[Var]) -> Result<GradStore> {
    for variable in variables {
        let Some(grad) = more.remove(variable.as_tensor()) else { continue };
        let grad = match sum.remove(variable.as_tensor()) {
            Some(before) => (before + grad)?,
            None => grad,
        };
        sum.insert(variable.as_tensor(), grad);
    }
    Ok(sum)
}
