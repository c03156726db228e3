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
            (Some(now), Some(before)) => now.detach() - before,
            _ => candle_core::bail!("the model has no {site}"),
        }
    }

    /// All sites.
    #[must_use]
    pub fn sites(&self) -> Vec<Site> {
        self.model.sites(&Projection::ALL)
    }
}
