//! Training on fresh examples of the tiny base's skills: draw a batch, take a step.

use candle_core::{Result, Tensor};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{
    Batch, Schedule, Shape, Stepper,
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
    fn schedule(&self) -> Schedule {
        Schedule { shape: Shape::Cosine, peak: self.learning_rate, warmup: self.warmup, steps: self.steps, floor: 0.1 }
    }

    /// The learning rate of step `index`.
    #[must_use]
    pub fn rate(&self, index: usize) -> f64 {
        self.schedule().rate(index)
    }
}

/// Mean cross entropy of the scored tokens in `batch`, in nats; a scalar tensor that can be differentiated.
///
/// # Errors
/// The doors' tensors do not fit the model.
pub fn loss(model: &Decoder, doors: &dyn Doors, batch: &Batch) -> Result<Tensor> {
    batch.loss(model, doors)
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
    let stepper = Stepper::plain(model, doors);
    for index in 0..plan.steps {
        let examples: Vec<_> = (0..plan.batch).filter_map(|_| skills::draw(&plan.skills, &mut rng, false)).collect();
        let batch = Batch::new(&examples, model.device())?;
        let taken = stepper.step(optimizer, plan.rate(index), std::slice::from_ref(&batch))?;
        watch(Step { index, loss: taken.loss })?;
    }
    Ok(())
}
