//! VeRA (Kopiczko et al. 2023, arXiv 2310.11454, §3): one frozen random pair for all layers, two trained vectors per site.
//!
//! ```text
//! y = W₀ x + b ⊙ (B (d ⊙ (A x)))
//!
//! A (r, widest input) and B (widest output, r) frozen, shared and cut to each site's (r, in) and (out, r)
//! d (r) and b (out) trained; b starts at zero, so that the fresh model is the base
//! ```
//!
//! There is no α. Trained: out + r numbers per site.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use super::Mergeable;
use crate::model::{Doors, Site, linear};

/// The trained vectors of one site.
pub struct Vectors {
    /// d, (r).
    pub d: Var,
    /// b, (out).
    pub b: Var,
}

/// A VeRA adapter.
pub struct Vera {
    a: Tensor,
    b: Tensor,
    vectors: BTreeMap<Site, Vectors>,
}

impl Vera {
    /// An adapter of the shared pair `a` (r, widest input), `b` (widest output, r) and given vectors.
    #[must_use]
    pub fn from_parts(a: Tensor, b: Tensor, vectors: BTreeMap<Site, Vectors>) -> Self {
        Self { a: a.detach(), b: b.detach(), vectors }
    }

    /// What is trained.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        self.vectors.values().flat_map(|v| [v.d.clone(), v.b.clone()]).collect()
    }

    /// The shared pair, cut to a weight (out, in).
    fn cut(&self, weight: &Tensor) -> Result<(Tensor, Tensor)> {
        let (out, width) = weight.dims2()?;
        Ok((self.a.narrow(1, 0, width)?.contiguous()?, self.b.narrow(0, 0, out)?.contiguous()?))
    }
}

impl Doors for Vera {
    fn linear(&self, site: Site, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        let y = linear(x, weight)?;
        let Some(Vectors { d, b }) = self.vectors.get(&site) else { return Ok(y) };
        let (shared_a, shared_b) = self.cut(weight)?;
        let small = linear(x, &shared_a)?.broadcast_mul(d.as_tensor())?;
        y + linear(&small, &shared_b)?.broadcast_mul(b.as_tensor())?
    }
}

impl Mergeable for Vera {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        let Some(Vectors { d, b }) = self.vectors.get(&site) else { return Ok(None) };
        let (shared_a, shared_b) = self.cut(weight)?;
        let delta = shared_b.broadcast_mul(d.as_tensor())?.matmul(&shared_a)?.broadcast_mul(&b.unsqueeze(1)?)?;
        Ok(Some((weight + delta)?))
    }
}
