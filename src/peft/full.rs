//! Full fine-tuning: every weight trains, `W ← W − η · AdamW(∂L/∂W)`.
//!
//! The door left open: the model is the same, its tensors are variables instead of constants. What it costs is why the other methods
//! exist: with mixed-precision Adam 16 bytes per parameter (2 weight + 2 gradient + 4 master copy + 4 + 4 moments).

use candle_core::{Result, Tensor, Var};

use crate::model::{Decoder, Projection, Site};

/// A copy of a decoder in which every weight is trained.
pub struct Full {
    model: Decoder,
    variables: Vec<(String, Var)>,
}

impl Full {
    /// Copies `base`; its own tensors stay as they are.
    ///
    /// # Errors
    /// The device has no room for the copy.
    pub fn new(base: &Decoder) -> Result<Self> {
        let mut variables = Vec::new();
        let mut tensors = base.tensors();
        if tensors.len() != base.weights().len() {
            candle_core::bail!("weights in four bits cannot be trained themselves; train an adapter on them");
        }
        for (name, tensor) in &mut tensors {
            let variable = Var::from_tensor(&tensor.copy()?)?;
            *tensor = variable.as_tensor().clone();
            variables.push((name.clone(), variable));
        }
        Ok(Self { model: Decoder::new(base.config().clone(), &tensors)?, variables })
    }

    /// The model that is trained.
    #[must_use]
    pub fn model(&self) -> &Decoder {
        &self.model
    }

    /// What is trained, by Hugging Face's names.
    #[must_use]
    pub fn variables(&self) -> &[(String, Var)] {
        &self.variables
    }

    /// `ΔW = W − W₀` of one projection, (out, in).
    ///
    /// # Errors
    /// `base` has no such projection.
    pub fn delta(&self, base: &Decoder, site: Site) -> Result<Tensor> {
        match (self.model.projection(site), base.projection(site)) {
            (Some(now), Some(before)) => now.dense()?.detach() - before.dense()?,
            _ => candle_core::bail!("the model has no {site}"),
        }
    }

    /// All sites.
    #[must_use]
    pub fn sites(&self) -> Vec<Site> {
        self.model.sites(&Projection::ALL)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;
    use crate::{
        model::{Shut, tiny},
        train::{Batch, fresh, loss},
    };

    #[test]
    fn every_weight_receives_a_gradient_and_the_base_stays_as_it_was() {
        let base = fresh(&tiny::config(), 1, &Device::Cpu).unwrap();
        let full = Full::new(&base).unwrap();
        let batch = Batch::new(&[("up:ab>".to_owned(), "AB.".to_owned())], &Device::Cpu).unwrap();
        let grads = loss(full.model(), &Shut, &batch).unwrap().backward().unwrap();
        for (name, variable) in full.variables() {
            let grad = grads.get(variable.as_tensor()).unwrap();
            let size = grad.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(size.is_finite() && size > 0.0, "{name}: {size}");
        }
        let site = full.sites()[3];
        let name = format!("{site}.weight");
        let (_, variable) = full.variables().iter().find(|(n, _)| *n == name).unwrap();
        variable.set(&(variable.as_tensor() + 1.0).unwrap()).unwrap();
        let delta = full.delta(&base, site).unwrap();
        let off = (delta - 1.0).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(off < 1e-6, "the copy moved by one and the base did not: {off}");
    }
}
