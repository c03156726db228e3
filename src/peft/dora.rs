//! DoRA (Liu et al. 2024, arXiv 2402.09353, §4): a weight is magnitude times direction; LoRA moves the direction, a vector the magnitude.
//!
//! ```text
//! V = W₀ + s · B A (out, in)       n = ‖V‖ row by row (out)       y = (m / n) ⊙ (V x)
//!
//! A (r, in), B (out, r) and m (out) trained; m starts at the row norms of W₀, so that the fresh model is the base
//! ```
//!
//! In the backward pass n is held constant (§4.3). The paper's column-wise norm is, for weights stored (out, in), that of each row.
//! Under dropout PEFT computes `y = W₀ x + (m/n − 1) ⊙ (W₀ x̃) + (m/n) ⊙ s · B A x̃`, with the dropped input x̃ in the base product too.
//! Trained: r · (in + out) + out numbers per site.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use super::{Dropout, Lora, Mergeable, Method, lora, lora::Factors};
use crate::model::{Decoder, Doors, Site, Weight, scale};

/// What DoRA trains at one site.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The direction's LoRA.
    pub direction: Factors,
    /// m, (out).
    pub magnitude: Var,
}

impl Parts {
    /// A fresh site: m at the row norms of `weight + ΔW`, so that nothing changes while B is zero.
    ///
    /// # Errors
    /// `weight` is no matrix.
    pub fn new(direction: Factors, weight: &Weight) -> Result<Self> {
        let start = weight.row_norms_with(&direction.delta()?)?;
        Ok(Self { direction, magnitude: Var::from_tensor(&start)? })
    }

    /// `m / n` (out), n without a gradient.
    fn ratio(&self, weight: &Weight) -> Result<Tensor> {
        self.magnitude.div(&weight.row_norms_with(&self.direction.delta()?)?)
    }
}

/// A DoRA adapter.
#[derive(Debug)]
pub struct Dora {
    parts: BTreeMap<Site, Parts>,
    dropout: Dropout,
}

impl Dora {
    /// A fresh adapter for `base`, with a direction as LoRA's.
    ///
    /// # Errors
    /// As [`Lora::new`].
    pub fn new(base: &Decoder, config: lora::Config) -> Result<Self> {
        let dropout = Dropout::new(config.dropout, config.seed)?;
        let lora = Lora::new(base, config)?;
        let mut parts = BTreeMap::new();
        for (site, direction) in lora.factors() {
            let Some(weight) = base.projection(*site) else { continue };
            parts.insert(*site, Parts::new(direction.clone(), weight)?);
        }
        Ok(Self { parts, dropout })
    }

    /// An adapter of given parts.
    #[must_use]
    pub fn from_parts(parts: BTreeMap<Site, Parts>, dropout: Dropout) -> Self {
        Self { parts, dropout }
    }

    /// The parts by site.
    #[must_use]
    pub fn parts(&self) -> &BTreeMap<Site, Parts> {
        &self.parts
    }

    /// The dropout on the adapter's input, to be switched on while training.
    #[must_use]
    pub fn dropout(&self) -> &Dropout {
        &self.dropout
    }
}

impl Method for Dora {
    fn named_variables(&self) -> Vec<(String, Var)> {
        let magnitude = |site: &Site, parts: &Parts| (format!("{site}.lora_magnitude_vector"), parts.magnitude.clone());
        let of = |(site, parts): (&Site, &Parts)| {
            parts.direction.named(*site).into_iter().chain([magnitude(site, parts)]).collect::<Vec<_>>()
        };
        self.parts.iter().flat_map(of).collect()
    }
}

impl Doors for Dora {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        let y = weight.apply(x)?;
        let Some(parts) = self.parts.get(&site) else { return Ok(y) };
        let ratio = parts.ratio(weight)?;
        if !self.dropout.is_active() {
            return scale(&(y + parts.direction.apply(x)?)?, &ratio);
        }
        let dropped = self.dropout.apply(x)?;
        let base = scale(&weight.apply(&dropped)?, &(&ratio - 1.0)?)?;
        (y + base)? + scale(&parts.direction.apply(&dropped)?, &ratio)?
    }
}

impl Mergeable for Dora {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        let merge = |parts: &Parts| {
            let ratio = parts.ratio(&weight.clone().into())?;
            (weight + parts.direction.delta()?)?.broadcast_mul(&ratio.unsqueeze(1)?)
        };
        self.parts.get(&site).map(merge).transpose()
    }

    fn keepsake(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        self.parts.get(&site).map(|parts| parts.ratio(&weight.clone().into())).transpose()
    }

    fn unmerged(&self, site: Site, merged: &Tensor, keepsake: Option<&Tensor>) -> Result<Option<Tensor>> {
        let Some(parts) = self.parts.get(&site) else { return Ok(None) };
        let Some(ratio) = keepsake else {
            candle_core::bail!(
                "{site}: a merged DoRA weight has lost the norms of its rows: keep the base, or the Merged value that still holds m / n"
            )
        };
        Ok(Some((merged.broadcast_div(&ratio.unsqueeze(1)?)? - parts.direction.delta()?)?))
    }
}
