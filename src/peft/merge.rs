//! Merging: the adapted weight instead of weight and adapter. Only what is linear in a layer's input has one.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};

use super::Method;
use crate::{
    device::scalar,
    model::{Decoder, Projection, Site},
};

/// A method whose effect on a projection is one matrix. Adapters with a nonlinearity, prefixes and prompts are not of this kind: for
/// them the call does not compile:
///
/// ```compile_fail,E0277
/// use deltaw::{model::Decoder, peft::{Prefix, merge}};
/// fn wrong(base: &Decoder, prefix: &Prefix) {
///     let _ = merge(base, prefix);
/// }
/// ```
pub trait Mergeable: Method {
    /// The weight (out, in) that does what `weight` and the method do together; none where the site is not adapted.
    ///
    /// # Errors
    /// The tensors do not fit, or the site has a bias that no weight can carry.
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>>;

    /// What undoing needs besides the adapter; nothing for methods that add a ΔW.
    ///
    /// # Errors
    /// The tensors do not fit.
    fn keepsake(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        let _ = (site, weight);
        Ok(None)
    }

    /// The weight before the merge, up to rounding; none where the site is not adapted.
    ///
    /// # Errors
    /// The tensors do not fit, or the merged weight does not tell (a keepsake is missing, a scale is zero).
    fn unmerged(&self, site: Site, merged: &Tensor, keepsake: Option<&Tensor>) -> Result<Option<Tensor>>;
}

/// A model with a method merged into its weights, and what undoing it needs.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The plain model.
    pub model: Decoder,
    keepsakes: BTreeMap<Site, Tensor>,
}

impl Merged {
    /// A merged model that was read from a file: no keepsakes.
    #[must_use]
    pub fn of(model: Decoder) -> Self {
        Self { model, keepsakes: BTreeMap::new() }
    }

    /// The base again, up to rounding. `method` must be what was merged.
    ///
    /// # Errors
    /// See [`Mergeable::unmerged`].
    pub fn unmerge(&self, method: &dyn Mergeable) -> Result<Decoder> {
        replace(&self.model, |site, weight| method.unmerged(site, weight, self.keepsakes.get(&site)))
    }
}

/// A copy of `base` with `method` merged into its weights.
///
/// # Errors
/// See [`Mergeable::merged`], or a merged weight is not finite.
pub fn merge(base: &Decoder, method: &dyn Mergeable) -> Result<Merged> {
    let mut keepsakes = BTreeMap::new();
    let model = replace(base, |site, weight| {
        if let Some(keepsake) = method.keepsake(site, weight)? {
            keepsakes.insert(site, keepsake.detach());
        }
        let merged = method.merged(site, weight)?.map(|merged| merged.detach());
        if let Some(merged) = &merged {
            // Zero times a number is zero; zero times NaN or infinity is NaN.
            if scalar(&(merged * 0.0)?.sum_all()?)? != 0.0 {
                candle_core::bail!(
                    "{site}: the merged weight is not finite: the adapter's scale or entries are too large"
                );
            }
        }
        Ok(merged)
    })?;
    Ok(Merged { model, keepsakes })
}

/// A copy of `model` with other weights where `change` gives one.
pub(super) fn replace(
    model: &Decoder,
    mut change: impl FnMut(Site, &Tensor) -> Result<Option<Tensor>>,
) -> Result<Decoder> {
    let mut weights = model.weights();
    for site in model.sites(&Projection::ALL) {
        let Some(weight) = model.projection(site) else { continue };
        if let Some(changed) = change(site, &weight.dense()?)? {
            weights.insert(format!("{site}.weight"), changed.into());
        }
    }
    Decoder::from_weights(model.config().clone(), &weights)
}
