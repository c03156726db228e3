//! (IA)³ (Liu et al. 2022, arXiv 2205.05638, §3.3): learned vectors scale activations elementwise.
//!
//! ```text
//! keys and values:  y = l ⊙ (W x)      l (out), merged diag(l) W
//! feed-forward:     y = W (l ⊙ x)      l (in),  merged W diag(l)
//! ```
//!
//! Every l starts at ones, so that the fresh model is the base. Trained: one number per scaled channel.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use super::Mergeable;
use crate::model::{Doors, Site, linear};

/// Which side of a projection is scaled.
pub enum Scaling {
    /// Its output: l is (out).
    Output(Var),
    /// Its input: l is (in).
    Input(Var),
}

/// An (IA)³ adapter.
pub struct Ia3 {
    scalings: BTreeMap<Site, Scaling>,
}

impl Ia3 {
    /// An adapter of given vectors.
    #[must_use]
    pub fn from_scalings(scalings: BTreeMap<Site, Scaling>) -> Self {
        Self { scalings }
    }

    /// What is trained.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        let vector = |scaling: &Scaling| match scaling {
            Scaling::Output(l) | Scaling::Input(l) => l.clone(),
        };
        self.scalings.values().map(vector).collect()
    }
}

impl Doors for Ia3 {
    fn linear(&self, site: Site, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        match self.scalings.get(&site) {
            Some(Scaling::Output(l)) => linear(x, weight)?.broadcast_mul(l.as_tensor()),
            Some(Scaling::Input(l)) => linear(&x.broadcast_mul(l.as_tensor())?, weight),
            None => linear(x, weight),
        }
    }
}

impl Mergeable for Ia3 {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        let merge = |scaling: &Scaling| match scaling {
            Scaling::Output(l) => weight.broadcast_mul(&l.unsqueeze(1)?),
            Scaling::Input(l) => weight.broadcast_mul(&l.unsqueeze(0)?),
        };
        self.scalings.get(&site).map(merge).transpose()
    }
}
