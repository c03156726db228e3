//! Groups of tensors that share a learning rate, and AdamW over them.

use candle_core::{Result, Var, backprop::GradStore};
use candle_nn::{Optimizer as _, ParamsAdamW};

/// Tensors to train, each group with a factor on the learning rate.
#[derive(Debug, Clone, Default)]
pub struct Groups(Vec<(Vec<Var>, f64)>);

impl From<Vec<Var>> for Groups {
    /// One group at the learning rate itself.
    fn from(variables: Vec<Var>) -> Self {
        Self(vec![(variables, 1.0)])
    }
}

impl Groups {
    /// Adds a group that learns at `factor` times the rate.
    #[must_use]
    pub fn with(mut self, variables: Vec<Var>, factor: f64) -> Self {
        self.0.push((variables, factor));
        self
    }

    /// All tensors.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        self.0.iter().flat_map(|(variables, _)| variables.iter().cloned()).collect()
    }
}

/// AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101) over groups.
#[derive(Debug)]
pub struct AdamW(Vec<(candle_nn::AdamW, f64)>);

impl AdamW {
    /// A fresh optimiser.
    ///
    /// # Errors
    /// The device has no room for the moments.
    pub fn new(groups: Groups, params: &ParamsAdamW) -> Result<Self> {
        let group = |(variables, factor): (Vec<Var>, f64)| {
            Ok((candle_nn::AdamW::new(variables, ParamsAdamW { lr: params.lr * factor, ..params.clone() })?, factor))
        };
        groups.0.into_iter().map(group).collect::<Result<_>>().map(Self)
    }

    /// Sets the learning rate; each group multiplies it by its factor.
    pub fn set_learning_rate(&mut self, rate: f64) {
        for (optimizer, factor) in &mut self.0 {
            optimizer.set_learning_rate(rate * *factor);
        }
    }

    /// One update of every tensor that has a gradient.
    ///
    /// # Errors
    /// A tensor operation fails.
    pub fn step(&mut self, grads: &GradStore) -> Result<()> {
        self.0.iter_mut().try_for_each(|(optimizer, _)| optimizer.step(grads))
    }
}
