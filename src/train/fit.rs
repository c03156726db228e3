//! The training loop: draw a batch, forward, backward, one AdamW step.

use candle_core::{Result, Tensor};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{
    Batch,
    skills::{self, Skill},
};
use crate::{
    model::{Decoder, Doors},
    optim::{AdamW, Groups, Hyper, Optimizer},
};

/// What a run does.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Skills that examples are drawn from, evenly.
    pub skills: Vec<Skill>,
    /// Steps.
    pub steps: usize,
    /// Examples a step.
    pub batch: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps over which the rate rises from 0; afterwards it falls along a cosine to a tenth of the peak at the last step.
    pub warmup: usize,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// Seed of the examples.
    pub seed: u64,
}

/// One step as it happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Counted from 0.
    pub index: usize,
    /// Mean cross entropy of the answers' tokens *before* the step's update, in nats.
    pub loss: f64,
}

impl Plan {
    /// The learning rate of step `index`.
    #[must_use]
    pub fn rate(&self, index: usize) -> f64 {
        if index < self.warmup {
            return self.learning_rate * (index + 1) as f64 / self.warmup as f64;
        }
        let progress = (index - self.warmup) as f64 / (self.steps - self.warmup).max(1) as f64;
        self.learning_rate * (0.1 + 0.9 * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()))
    }
}

/// Mean cross entropy of the answers' tokens in `batch`, in nats; a scalar tensor that can be differentiated.
///
/// # Errors
/// The doors' tensors do not fit the model.
pub fn loss(model: &Decoder, doors: &dyn Doors, batch: &Batch) -> Result<Tensor> {
    let logits = model.forward_rows(&batch.ids, &batch.rows, doors)?;
    candle_nn::loss::cross_entropy(&logits, &batch.targets)
}

/// Trains `groups` by AdamW on fresh examples; `watch` sees each step.
///
/// # Errors
/// A tensor operation fails, or `watch` does.
pub fn fit(
    model: &Decoder,
    doors: &dyn Doors,
    groups: impl Into<Groups>,
    plan: &Plan,
    watch: impl FnMut(Step) -> Result<()>,
) -> Result<()> {
    let hyper = Hyper { learning_rate: plan.learning_rate, weight_decay: plan.weight_decay, ..Hyper::default() };
    fit_with(model, doors, &mut AdamW::new(groups.into(), hyper)?, plan, watch)
}

/// The same with any optimiser.
///
/// # Errors
/// As [`fit`].
pub fn fit_with(
    model: &Decoder,
    doors: &dyn Doors,
    optimizer: &mut dyn Optimizer,
    plan: &Plan,
    mut watch: impl FnMut(Step) -> Result<()>,
) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    for index in 0..plan.steps {
        let examples: Vec<_> = (0..plan.batch).filter_map(|_| skills::draw(&plan.skills, &mut rng, false)).collect();
        let batch = Batch::new(&examples, model.device())?;
        let loss = loss(model, doors, &batch)?;
        optimizer.set_learning_rate(plan.rate(index));
        optimizer.step(&loss.backward()?)?;
        watch(Step { index, loss: f64::from(loss.to_scalar::<f32>()?) })?;
    }
    Ok(())
}
