//! Starts that take something out of the base and put it into the adapter: the base becomes a residual.
//!
//! ```text
//! W₀ → W_res, with W_res + s · B₀ A₀ = W₀ (PiSSA, OLoRA) or ≈ W₀ (LoftQ: W_res is quantised)
//! ```
//!
//! An adapter trained so is only right on its own residual base. [`Start::convert`] makes a plain LoRA for the original base, of twice the
//! rank: `s · (B A − B₀ A₀) = s · [B, −B₀] [A; A₀]`.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var};

use super::{
    Lora,
    lora::{self, Factors},
    merge::replace,
};
use crate::model::{Decoder, Site};

/// A base that has given something away, and the adapter that got it.
#[derive(Debug)]
pub struct Start {
    /// The frozen base to train on.
    pub base: Decoder,
    /// The adapter to train.
    pub adapter: Lora,
    first: BTreeMap<Site, (Tensor, Tensor)>,
}

/// What a rule gives for one weight: A₀ (r, in), B₀ (out, r) and W_res (out, in).
pub(super) struct Split {
    pub(super) a: Tensor,
    pub(super) b: Tensor,
    pub(super) residual: Tensor,
}

impl Start {
    /// Applies `rule` (weight, rank, scale) to every target of `config`.
    pub(super) fn new(
        base: &Decoder,
        config: &lora::Config,
        rule: impl Fn(&Tensor, usize, f64) -> Result<Split>,
    ) -> Result<Self> {
        let adapter = Lora::new(base, config.clone())?;
        let mut first = BTreeMap::new();
        let residual = replace(base, |site, weight| {
            let Some(factors) = adapter.factors().get(&site) else { return Ok(None) };
            let (out, width) = weight.dims2()?;
            if factors.rank() > out.min(width) {
                candle_core::bail!("{site}: rank {} is more than the weight has, {}", factors.rank(), out.min(width));
            }
            let Split { a, b, residual } = rule(weight, factors.rank(), factors.scale())?;
            factors.a.set(&a)?;
            factors.b.set(&b)?;
            first.insert(site, (a, b));
            Ok(Some(residual))
        })?;
        Ok(Self { base: residual, adapter, first })
    }

    /// A start whose first factors are those of `adapter` as it is now: `W_res = W₀ − s · B₀ A₀`.
    ///
    /// # Errors
    /// A tensor operation fails.
    pub fn from_adapter(base: &Decoder, adapter: Lora) -> Result<Self> {
        let mut first = BTreeMap::new();
        let residual = replace(base, |site, weight| {
            let Some(factors) = adapter.factors().get(&site) else { return Ok(None) };
            first.insert(site, (factors.a.as_detached_tensor().copy()?, factors.b.as_detached_tensor().copy()?));
            (weight - factors.delta()?.detach()).map(Some)
        })?;
        Ok(Self { base: residual, adapter, first })
    }

    /// The trained adapter as a plain LoRA for the original base: A' = [A; A₀], B' = [B, −B₀], α and r so that the scale stays.
    /// Exact for PiSSA and OLoRA; for LoftQ the original weight replaces what its base and first factors made of it.
    ///
    /// # Errors
    /// A tensor operation fails.
    pub fn convert(&self) -> Result<Lora> {
        let mut converted = BTreeMap::new();
        for (site, factors) in self.adapter.factors() {
            let Some((a, b)) = self.first.get(site) else { continue };
            let twice = Factors {
                a: Var::from_tensor(&Tensor::cat(&[factors.a.as_tensor(), a], 0)?)?,
                b: Var::from_tensor(&Tensor::cat(&[factors.b.as_tensor(), &b.neg()?], 1)?)?,
                bias: factors.bias.clone(),
                alpha: factors.scale() * 2.0 * factors.rank() as f64,
                rank_stabilised: false,
            };
            converted.insert(*site, twice);
        }
        Lora::from_factors(converted, super::Dropout::new(0.0, 0)?)
    }
}
