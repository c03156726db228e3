//! DoRA (Liu et al. 2024, arXiv 2402.09353, §4): a weight is magnitude times direction; LoRA moves the direction, a vector the magnitude.
//!
//! ```text
//! V = W₀ + s · B A (out, in)       n = ‖V‖ row by row (out)       y = (m / n) ⊙ (V x)
//!
//! A (r, in), B (out, r) and m (out) trained; m starts at the row norms of W₀, so that the fresh model is the base
//! ```
//!
//! In the backward pass n is held constant (§4.3). The paper's column-wise norm is, for weights stored (out, in), that of each row.
//! Trained: r · (in + out) + out numbers per site.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use super::{Mergeable, lora::Factors};
use crate::model::{Doors, Site, linear};

/// What DoRA trains at one site.
pub struct Parts {
    /// The direction's LoRA.
    pub direction: Factors,
    /// m, (out).
    pub magnitude: Var,
}

impl Parts {
    /// A fresh site: m at the row norms of `weight`, so that nothing changes while B is zero.
    ///
    /// # Errors
    /// `weight` is no matrix.
    pub fn new(direction: Factors, weight: &Tensor) -> Result<Self> {
        Ok(Self { direction, magnitude: Var::from_tensor(&row_norms(weight)?)? })
    }

    /// `m / n` (out), n without a gradient.
    fn scale(&self, weight: &Tensor) -> Result<Tensor> {
        let direction = (weight.detach() + self.direction.delta()?.detach())?;
        self.magnitude.div(&row_norms(&direction)?)
    }
}

/// A DoRA adapter.
pub struct Dora {
    parts: BTreeMap<Site, Parts>,
}

impl Dora {
    /// An adapter of given parts.
    #[must_use]
    pub fn from_parts(parts: BTreeMap<Site, Parts>) -> Self {
        Self { parts }
    }

    /// What is trained.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        let each = |p: &Parts| [p.direction.a.clone(), p.direction.b.clone(), p.magnitude.clone()];
        self.parts.values().flat_map(each).collect()
    }
}

/// Euclidean norm of each row, (out).
fn row_norms(matrix: &Tensor) -> Result<Tensor> {
    matrix.sqr()?.sum(1)?.sqrt()
}

impl Doors for Dora {
    fn linear(&self, site: Site, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        let y = linear(x, weight)?;
        match self.parts.get(&site) {
            Some(parts) => (y + parts.direction.apply(x)?)?.broadcast_mul(&parts.scale(weight)?),
            None => Ok(y),
        }
    }
}

impl Mergeable for Dora {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        let merge =
            |parts: &Parts| (weight + parts.direction.delta()?)?.broadcast_mul(&parts.scale(weight)?.unsqueeze(1)?);
        self.parts.get(&site).map(merge).transpose()
    }
}
