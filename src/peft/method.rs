//! What every method of fine-tuning is to a training loop and to a file: doors, and named tensors that train.

use candle_core::Var;

use crate::model::Doors;

/// A method of fine-tuning.
pub trait Method: Doors {
    /// What is trained, under the names that the reference library's files give it (PEFT's without their `base_model.model.`).
    fn named_variables(&self) -> Vec<(String, Var)>;

    /// What is trained.
    fn variables(&self) -> Vec<Var> {
        self.named_variables().into_iter().map(|(_, variable)| variable).collect()
    }

    /// Number of trained parameters.
    fn parameter_count(&self) -> usize {
        self.variables().iter().map(|variable| variable.elem_count()).sum()
    }
}
