//! (IA)³ (Liu et al. 2022, arXiv 2205.05638, §3.3): learned vectors scale activations elementwise.
//!
//! ```text
//! keys and values:  y = l ⊙ (W x)      l (out), merged diag(l) W
//! feed-forward:     y = W (l ⊙ x)      l (in),  merged W diag(l)
//! ```
//!
//! Every l starts at ones, so that the fresh model is the base. Trained: one number per scaled channel.

use std::collections::BTreeMap;

use candle_core::{DType, Result, Tensor, Var};

use super::{Mergeable, Method, Targets};
use crate::{
    device::scalar,
    model::{Decoder, Doors, Site, Weight, scale},
};

/// Which side of a projection is scaled.
#[derive(Debug, Clone)]
pub enum Scaling {
    /// Its output: l is (out, 1), a factor for each row of W.
    Output(Var),
    /// Its input: l is (1, in), a factor for each column of W.
    Input(Var),
}

/// An (IA)³ adapter.
#[derive(Debug)]
pub struct Ia3 {
    scalings: BTreeMap<Site, Scaling>,
}

impl Ia3 {
    /// A fresh adapter for `base`: ones at every site of `targets`; those also in `feedforward` are scaled at their input.
    ///
    /// # Errors
    /// The targets choose nothing.
    pub fn new(base: &Decoder, targets: &Targets, feedforward: &Targets) -> Result<Self> {
        let mut scalings = BTreeMap::new();
        for site in targets.sites(base) {
            let Some(weight) = base.projection(site) else { continue };
            let (out, width) = weight.dims2()?;
            let ones = |shape| Var::ones(shape, DType::F32, base.device());
            let input = feedforward.choose(&site.to_string());
            let scaling = if input { Scaling::Input(ones((1, width))?) } else { Scaling::Output(ones((out, 1))?) };
            scalings.insert(site, scaling);
        }
        if scalings.is_empty() {
            candle_core::bail!("the targets choose no projection of this model");
        }
        Ok(Self { scalings })
    }

    /// An adapter of given vectors.
    #[must_use]
    pub fn from_scalings(scalings: BTreeMap<Site, Scaling>) -> Self {
        Self { scalings }
    }

    /// The vectors by site.
    #[must_use]
    pub fn scalings(&self) -> &BTreeMap<Site, Scaling> {
        &self.scalings
    }
}

impl Method for Ia3 {
    fn named_variables(&self) -> Vec<(String, Var)> {
        let named = |(site, scaling): (&Site, &Scaling)| match scaling {
            Scaling::Output(l) | Scaling::Input(l) => (format!("{site}.ia3_l"), l.clone()),
        };
        self.scalings.iter().map(named).collect()
    }
}

impl Doors for Ia3 {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        match self.scalings.get(&site) {
            Some(Scaling::Output(l)) => scale(&weight.apply(x)?, &l.flatten_all()?),
            Some(Scaling::Input(l)) => weight.apply(&scale(x, &l.flatten_all()?)?),
            None => weight.apply(x),
        }
    }
}

impl Mergeable for Ia3 {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        let merge = |(Scaling::Output(l) | Scaling::Input(l)): &Scaling| weight.broadcast_mul(l.as_tensor());
        self.scalings.get(&site).map(merge).transpose()
    }

    fn unmerged(&self, site: Site, merged: &Tensor, _: Option<&Tensor>) -> Result<Option<Tensor>> {
        let Some(Scaling::Output(l) | Scaling::Input(l)) = self.scalings.get(&site) else { return Ok(None) };
        if scalar(&l.abs()?.min_all()?)? == 0.0 {
            candle_core::bail!("{site}: a scale is exactly zero, so the merged weight has lost a row or column");
        }
        merged.broadcast_div(l.as_tensor()).map(Some)
    }
}
