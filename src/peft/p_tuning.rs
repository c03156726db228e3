//! P-tuning (Liu et al. 2021, arXiv 2103.10385, §3): a soft prompt that a small network makes while it trains.
//!
//! ```text
//! P = W₃ relu(W₂ relu(W₁ E + b₁) + b₂) + b₃          X ← [P; X]
//!
//! E (p, hidden), W₁ (h, hidden), W₂ (h, h), W₃ (hidden, h) trained; what is stored and served is P (p, hidden)
//! ```
//!
//! The paper's network is an LSTM with an MLP on top; this is the MLP alone, which PEFT offers as `encoder_reparameterization_type = MLP`.
//! Not mergeable: nothing here is a weight.

use candle_core::{Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;

use super::{
    Method,
    dense::{Dense, normal},
    prompt::before,
};
use crate::model::{Decoder, Doors};

/// A soft prompt with its encoder.
#[derive(Debug)]
pub struct PTuning {
    embedding: Var,
    layers: [Dense; 3],
}

impl PTuning {
    /// A fresh prompt of `length` virtual tokens with an encoder `hidden` wide.
    ///
    /// # Errors
    /// The device has no room.
    pub fn new(length: usize, hidden: usize, base: &Decoder, rng: &mut ChaCha8Rng) -> Result<Self> {
        let (width, device) = (base.config().hidden_size, base.device());
        let embedding = normal([length, width], 1.0, rng, device)?;
        let mut layer = |inputs, outputs| Dense::torch(inputs, outputs, rng, device);
        Self::from_parts(embedding, [layer(width, hidden)?, layer(hidden, hidden)?, layer(hidden, width)?])
    }

    /// A prompt of a given table E (p, hidden) and the three layers of its encoder.
    ///
    /// # Errors
    /// The shapes do not fit each other.
    pub fn from_parts(embedding: Var, layers: [Dense; 3]) -> Result<Self> {
        let encoder = Self { embedding, layers };
        encoder.embeddings()?;
        Ok(encoder)
    }

    /// Width of the encoder.
    ///
    /// # Errors
    /// A weight is no matrix.
    pub fn hidden(&self) -> Result<usize> {
        self.layers[0].outputs()
    }

    /// P, (p, hidden): what is stored.
    ///
    /// # Errors
    /// A product fails.
    pub fn embeddings(&self) -> Result<Tensor> {
        let [first, second, third] = &self.layers;
        let x = first.forward(self.embedding.as_tensor())?.relu()?;
        third.forward(&second.forward(&x)?.relu()?)
    }
}

impl Method for PTuning {
    fn named_variables(&self) -> Vec<(String, Var)> {
        let layers = [0, 2, 4].into_iter().zip(&self.layers);
        let dense = layers.flat_map(|(index, layer)| layer.named(&format!("mlp_head.{index}")));
        [("embedding.weight".to_owned(), self.embedding.clone())].into_iter().chain(dense).collect()
    }
}

impl Doors for PTuning {
    fn prompt(&self, embedded: Tensor) -> Result<Tensor> {
        before(&self.embeddings()?, &embedded)
    }
}
