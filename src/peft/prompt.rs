//! Prompt tuning (Lester et al. 2021, arXiv 2104.08691, §2): learned embeddings in front of the input, nothing inside the model.
//!
//! ```text
//! X ← [P; X]          P (p, hidden) trained: p · hidden numbers
//! ```
//!
//! P starts at random or as the embeddings of vocabulary tokens (§3.2: the latter is better for small models). Positions run over prompt
//! and tokens; the logits have p + tokens positions. Not mergeable: nothing here is a weight.

use candle_core::{DType, Result, Tensor, Var};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::{Method, dense::normal};
use crate::{
    device::up,
    model::{Decoder, Doors},
};

/// A soft prompt.
#[derive(Debug)]
pub struct Prompt {
    embeddings: Var,
}

impl Prompt {
    /// A prompt of given `embeddings` (p, hidden).
    ///
    /// # Errors
    /// They are no matrix of the model's width.
    pub fn new(embeddings: Var, base: &Decoder) -> Result<Self> {
        let (_, width) = embeddings.dims2()?;
        if width != base.config().hidden_size {
            candle_core::bail!("the prompt is {width} wide; this model needs {}", base.config().hidden_size);
        }
        Ok(Self { embeddings })
    }

    /// `length` random embeddings: entries normal, as torch's embedding starts.
    ///
    /// # Errors
    /// The device has no room.
    pub fn random(length: usize, base: &Decoder, rng: &mut ChaCha8Rng) -> Result<Self> {
        Self::new(normal([length, base.config().hidden_size], 1.0, rng, base.device())?, base)
    }

    /// The embeddings of `tokens`, repeated or cut to `length`, as PEFT does with an initial text.
    ///
    /// # Errors
    /// There are no tokens, or one is outside the vocabulary.
    pub fn from_tokens(tokens: &[u32], length: usize, base: &Decoder) -> Result<Self> {
        if tokens.is_empty() {
            candle_core::bail!("a prompt cannot start from an empty text");
        }
        let ids: Vec<u32> = tokens.iter().copied().cycle().take(length).collect();
        let rows = base.embedding().detach().index_select(&up(ids, length, base.device())?, 0)?.to_dtype(DType::F32)?;
        Self::new(Var::from_tensor(&rows)?, base)
    }

    /// The embeddings of `length` random vocabulary tokens.
    ///
    /// # Errors
    /// The device has no room.
    pub fn from_vocabulary(length: usize, base: &Decoder, rng: &mut ChaCha8Rng) -> Result<Self> {
        let vocabulary = base.config().vocab_size as u32;
        let ids: Vec<u32> = (0..length).map(|_| rng.random_range(0..vocabulary)).collect();
        Self::from_tokens(&ids, length, base)
    }

    /// P, (p, hidden).
    #[must_use]
    pub fn embeddings(&self) -> &Var {
        &self.embeddings
    }
}

/// `[P; X]` for `embedded` X (batch, tokens, hidden) and P (p, hidden).
pub(super) fn before(prompt: &Tensor, embedded: &Tensor) -> Result<Tensor> {
    let (batch, _, hidden) = embedded.dims3()?;
    let prompt = prompt.unsqueeze(0)?.broadcast_as((batch, prompt.dim(0)?, hidden))?.contiguous()?;
    Tensor::cat(&[&prompt, embedded], 1)
}

impl Method for Prompt {
    fn named_variables(&self) -> Vec<(String, Var)> {
        vec![("prompt_embeddings".to_owned(), self.embeddings.clone())]
    }
}

impl Doors for Prompt {
    fn prompt(&self, embedded: Tensor) -> Result<Tensor> {
        before(self.embeddings.as_tensor(), &embedded)
    }
}
