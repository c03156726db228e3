//! Groups of tensors that share a learning rate.

use candle_core::Var;

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
        self.each().map(|(variable, _)| variable.clone()).collect()
    }

    /// Every tensor with the factor of its group.
    pub fn each(&self) -> impl Iterator<Item = (&Var, f64)> {
        self.0.iter().flat_map(|(variables, factor)| variables.iter().map(move |variable| (variable, *factor)))
    }
}
