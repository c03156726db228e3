//! What a run does, apart from the method.

use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::train::{Schedule, Shape};

/// Settings of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Updates.
    pub steps: usize,
    /// Examples side by side.
    pub batch: usize,
    /// Batches whose gradients make one update.
    pub accumulate: usize,
    /// Pack examples into rows of at most this many tokens, instead of `batch` rows with padding.
    pub pack: Option<usize>,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// How it falls.
    pub schedule: Shape,
    /// Steps over which it rises.
    pub warmup: usize,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// The longest gradient; no clipping where absent.
    pub clip: Option<f64>,
    /// Compute blocks again in the backward pass instead of keeping their activations.
    pub recompute: bool,
    /// Steps between two evaluations of the held-out examples; 0 for one before and one at the end.
    pub evaluate_every: usize,
    /// Stop after this many evaluations without a lower held-out loss, and keep the best tensors.
    pub patience: Option<usize>,
    /// Steps between two checkpoints; 0 for none.
    pub save_every: usize,
    /// Seed of the order of examples.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            steps: 200,
            batch: 8,
            accumulate: 1,
            pack: None,
            learning_rate: 1e-3,
            schedule: Shape::Cosine,
            warmup: 10,
            weight_decay: 0.0,
            clip: Some(1.0),
            recompute: false,
            evaluate_every: 0,
            patience: None,
            save_every: 0,
            seed: 0,
        }
    }
}

impl Settings {
    /// The learning rates.
    #[must_use]
    pub fn rates(&self) -> Schedule {
        Schedule { shape: self.schedule, peak: self.learning_rate, warmup: self.warmup, steps: self.steps, floor: 0.0 }
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// A number is out of reach.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("steps", self.steps, 10_000_000),
            ("batch", self.batch, 4096),
            ("accumulate", self.accumulate, 4096),
            ("pack", self.pack.unwrap_or(1), 1 << 16),
            ("patience", self.patience.unwrap_or(1), 10_000_000),
        ];
        for (name, value, limit) in counts {
            if value == 0 || value > limit {
                bail!("{name} is {value}; it must be from 1 to {limit}");
            }
        }
        let positive = [("learning rate", self.learning_rate), ("clip", self.clip.unwrap_or(1.0))];
        for (name, value) in positive {
            if !(value.is_finite() && value > 0.0) {
                bail!("the {name} is {value}; it must be a positive number");
            }
        }
        match self.weight_decay.is_finite() && self.weight_decay >= 0.0 {
            true => Ok(()),
            false => bail!("the weight decay is {}; it must be a number from 0", self.weight_decay),
        }
    }
}
