//! Prompt tuning (Lester et al. 2021, arXiv 2104.08691, §2): learned embeddings in front of the input, nothing inside the model.
//!
//! ```text
//! X ← [P; X]          P (p, hidden) trained: p · hidden numbers
//! ```
//!
//! Positions run over prompt and tokens; the logits have p + tokens positions. Not mergeable: nothing here is a weight.

use candle_core::{Result, Tensor, Var};

use crate::model::Doors;

/// A soft prompt.
pub struct Prompt {
    embeddings: Var,
}

impl Prompt {
    /// A prompt of given `embeddings` (p, hidden).
    #[must_use]
    pub fn new(embeddings: Var) -> Self {
        Self { embeddings }
    }

    /// What is trained.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        vec![self.embeddings.clone()]
    }
}

impl Doors for Prompt {
    fn prompt(&self, embedded: Tensor) -> Result<Tensor> {
        let (batch, _, hidden) = embedded.dims3()?;
        let length = self.embeddings.dim(0)?;
        let prompt = self.embeddings.unsqueeze(0)?.broadcast_as((batch, length, hidden))?.contiguous()?;
        Tensor::cat(&[&prompt, &embedded], 1)
    }
}
