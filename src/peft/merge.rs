//! Merging: the adapted weight instead of weight and adapter. Only what is linear in a layer's input has one.

use candle_core::{Result, Tensor};

use crate::model::{Decoder, Doors, Projection, Site};

/// A method whose effect on a projection is one matrix. Adapters with a nonlinearity, prefixes and prompts are not of this kind: for
/// them the call does not compile.
pub trait Mergeable: Doors {
    /// The weight (out, in) that does what `weight` and the method do together; none where the site is not adapted.
    ///
    /// # Errors
    /// The tensors do not fit.
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>>;
}

/// A copy of `base` with `method` merged into its weights.
///
/// # Errors
/// The tensors do not fit.
pub fn merge(base: &Decoder, method: &dyn Mergeable) -> Result<Decoder> {
    let mut tensors = base.tensors();
    for site in base.sites(&Projection::ALL) {
        let Some(weight) = base.projection(site) else { continue };
        if let Some(merged) = method.merged(site, weight)? {
            tensors.insert(format!("{site}.weight"), merged);
        }
    }
    Decoder::new(base.config().clone(), &tensors)
}
