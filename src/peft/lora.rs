//! LoRA (Hu et al. 2021, arXiv 2106.09685, §4.1): freeze `W₀` and learn a low-rank update beside it.
//!
//! ```text
//! y = W₀ x + s · B (A x̃)        s = α / r, or α / √r (rsLoRA: Kalajdzievski 2023, arXiv 2312.03732)
//!
//! W₀ (out, in) frozen     A (r, in) trained, random at the start     B (out, r) trained, zero at the start
//! x̃ = dropout(x) in training: only the adapter's input is dropped, W₀ sees x
//! ```
//!
//! With `G = ∂L/∂W` (out, in): `∂L/∂B = s · G Aᵀ` and `∂L/∂A = s · Bᵀ G`. B = 0 makes ΔW = s·BA = 0, so the fresh model *is* the base,
//! and makes the gradient of A zero at step 0; B moves first. Trained: r · (in + out) numbers per site.

mod start;

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

pub use start::{Config, Init};
pub(super) use start::{fresh, kaiming, uniform};

use super::{Dropout, Mergeable, Method};
use crate::model::{Decoder, Doors, Site, Weight, linear};

/// What is trained at one site.
#[derive(Debug, Clone)]
pub struct Factors {
    /// (r, in).
    pub a: Var,
    /// (out, r).
    pub b: Var,
    /// Bias of B, (out); scaled like the rest of the update.
    pub bias: Option<Var>,
    /// α.
    pub alpha: f64,
    /// Whether the scale is α / √r.
    pub rank_stabilised: bool,
}

impl Factors {
    /// r.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.a.dims()[0]
    }

    /// s.
    #[must_use]
    pub fn scale(&self) -> f64 {
        let rank = self.rank() as f64;
        self.alpha / if self.rank_stabilised { rank.sqrt() } else { rank }
    }

    /// `ΔW = s · B A`, (out, in).
    ///
    /// # Errors
    /// The product fails.
    pub fn delta(&self) -> Result<Tensor> {
        self.b.matmul(self.a.as_tensor())? * self.scale()
    }

    /// `s · (B (A x) + bias)`, (batch, tokens, out): A first, r numbers a token instead of an (out, in) product.
    ///
    /// # Errors
    /// `x` does not fit.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let y = linear(&linear(x, self.a.as_tensor())?, self.b.as_tensor())?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias.as_tensor())? * self.scale(),
            None => y * self.scale(),
        }
    }

    /// Trained tensors with PEFT's names.
    pub(super) fn named(&self, site: Site) -> Vec<(String, Var)> {
        let bias = self.bias.iter().map(|bias| (format!("{site}.lora_B.bias"), bias.clone()));
        let factors = [("lora_A", &self.a), ("lora_B", &self.b)];
        factors.into_iter().map(|(name, var)| (format!("{site}.{name}.weight"), var.clone())).chain(bias).collect()
    }
}

/// A LoRA adapter.
#[derive(Debug)]
pub struct Lora {
    factors: BTreeMap<Site, Factors>,
    dropout: Dropout,
}

impl Lora {
    /// A fresh adapter for `base`.
    ///
    /// # Errors
    /// No projection is chosen, a rank is no positive whole number, or the dropout is no probability.
    pub fn new(base: &Decoder, config: Config) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let mut factors = BTreeMap::new();
        for site in config.targets.sites(base) {
            let Some(weight) = base.projection(site) else { continue };
            factors.insert(site, fresh(&config, site, weight, &mut rng)?);
        }
        if factors.is_empty() {
            candle_core::bail!("the targets choose no projection of this model");
        }
        Self::from_factors(factors, Dropout::new(config.dropout, config.seed)?)
    }

    /// An adapter of given factors, as read from a file; ranks and scales may differ from site to site.
    ///
    /// # Errors
    /// A and B of a site differ in rank.
    pub fn from_factors(factors: BTreeMap<Site, Factors>, dropout: Dropout) -> Result<Self> {
        for (site, Factors { a, b, .. }) in &factors {
            if a.dims2()?.0 != b.dims2()?.1 {
                candle_core::bail!("{site}: A is {:?} and B {:?}; A's rows are not B's columns", a.dims(), b.dims());
            }
        }
        Ok(Self { factors, dropout })
    }

    /// The factors by site.
    #[must_use]
    pub fn factors(&self) -> &BTreeMap<Site, Factors> {
        &self.factors
    }

    /// The dropout on the adapter's input, to be switched on while training.
    #[must_use]
    pub fn dropout(&self) -> &Dropout {
        &self.dropout
    }

    /// `ΔW = s · B A` (out, in) of a site, or none where the site is not adapted.
    ///
    /// # Errors
    /// The product fails.
    pub fn delta(&self, site: Site) -> Result<Option<Tensor>> {
        self.factors.get(&site).map(Factors::delta).transpose()
    }
}

impl Method for Lora {
    fn named_variables(&self) -> Vec<(String, Var)> {
        self.factors.iter().flat_map(|(site, factors)| factors.named(*site)).collect()
    }
}

impl Doors for Lora {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        let y = weight.apply(x)?;
        match self.factors.get(&site) {
            Some(factors) => y + factors.apply(&self.dropout.apply(x)?)?,
            None => Ok(y),
        }
    }
}

impl Mergeable for Lora {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        match self.factors.get(&site) {
            Some(Factors { bias: Some(_), .. }) => {
                candle_core::bail!("{site}: the bias of B has nowhere to go, the base's projection has none")
            }
            _ => self.delta(site)?.map(|delta| weight + delta).transpose(),
        }
    }

    fn unmerged(&self, site: Site, merged: &Tensor, _: Option<&Tensor>) -> Result<Option<Tensor>> {
        self.delta(site)?.map(|delta| merged - delta).transpose()
    }
}

#[cfg(test)]
mod tests;
