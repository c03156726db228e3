//! Prefix tuning (Li and Liang 2021, arXiv 2101.00190, §4): learned keys and values of p virtual positions in every layer.
//!
//! ```text
//! K ← [P_K; K],  V ← [P_V; V]          P (p, 2 · layers · kv_heads · head_dim): layer l's keys, then its values
//!
//! P itself trained, or P = W₂ tanh(W₁ E + b₁) + b₂ with E (p, t), W₁ (h, t), W₂ (2 · layers · t, h) trained; t = kv_heads · head_dim
//! ```
//!
//! The prefix keys carry no rotary position; real tokens stand at positions p, p + 1, … The MLP (§4.3, "reparameterisation") steadies
//! training and is thrown away afterwards: what is stored and served is P. Not mergeable: nothing here is a weight.

use candle_core::{Result, Tensor, Var};
use rand_chacha::ChaCha8Rng;

use super::{
    Method,
    dense::{Dense, normal},
};
use crate::model::{Config, Doors};

/// Where P comes from.
#[derive(Debug)]
enum Source {
    Table(Var),
    Mlp { embedding: Var, first: Dense, second: Dense },
}

/// A prefix.
#[derive(Debug)]
pub struct Prefix {
    source: Source,
    positions: usize,
    heads: usize,
    width: usize,
    layers: usize,
}

impl Prefix {
    /// A prefix of given `embeddings` (p, 2 · layers · kv_heads · head_dim) for a model of this `config`, trained as it is.
    ///
    /// # Errors
    /// The shape does not fit the model.
    pub fn new(embeddings: Var, config: &Config) -> Result<Self> {
        Self::check(embeddings.dims2()?.1, config)?;
        Ok(Self::from_source(embeddings.dims2()?.0, Source::Table(embeddings), config))
    }

    /// A fresh prefix of `positions` virtual positions: entries normal, as torch's embedding starts.
    ///
    /// # Errors
    /// The device has no room.
    pub fn random(
        positions: usize,
        config: &Config,
        rng: &mut ChaCha8Rng,
        device: &candle_core::Device,
    ) -> Result<Self> {
        let columns = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim();
        Self::new(normal([positions, columns], 1.0, rng, device)?, config)
    }

    /// A fresh embedding (p, t) for the MLP: entries normal, as torch's embedding starts.
    ///
    /// # Errors
    /// The device has no room.
    pub fn table(positions: usize, width: usize, rng: &mut ChaCha8Rng, device: &candle_core::Device) -> Result<Var> {
        normal([positions, width], 1.0, rng, device)
    }

    /// A prefix that an MLP makes: `embedding` (p, t), `first` t → h, `second` h → 2 · layers · t.
    ///
    /// # Errors
    /// The shapes do not fit each other or the model.
    pub fn with_mlp(embedding: Var, first: Dense, second: Dense, config: &Config) -> Result<Self> {
        Self::check(second.outputs()?, config)?;
        let positions = embedding.dims2()?.0;
        let prefix = Self::from_source(positions, Source::Mlp { embedding, first, second }, config);
        prefix.embeddings()?;
        Ok(prefix)
    }

    fn check(columns: usize, config: &Config) -> Result<()> {
        let needed = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim();
        match columns == needed {
            true => Ok(()),
            false => candle_core::bail!("the prefix has {columns} columns; this model needs {needed}"),
        }
    }

    fn from_source(positions: usize, source: Source, config: &Config) -> Self {
        let (heads, width, layers) = (config.num_key_value_heads, config.head_dim(), config.num_hidden_layers);
        Self { source, positions, heads, width, layers }
    }

    /// P, (p, 2 · layers · kv_heads · head_dim): what is stored.
    ///
    /// # Errors
    /// A product fails.
    pub fn embeddings(&self) -> Result<Tensor> {
        match &self.source {
            Source::Table(embeddings) => Ok(embeddings.as_tensor().clone()),
            Source::Mlp { embedding, first, second } => second.forward(&first.forward(embedding.as_tensor())?.tanh()?),
        }
    }
}

impl Method for Prefix {
    fn named_variables(&self) -> Vec<(String, Var)> {
        match &self.source {
            Source::Table(embeddings) => vec![("prompt_embeddings".to_owned(), embeddings.clone())],
            Source::Mlp { embedding, first, second } => {
                let mut named = vec![("embedding.weight".to_owned(), embedding.clone())];
                named.extend(first.named("transform.0"));
                named.extend(second.named("transform.2"));
                named
            }
        }
    }
}

impl Doors for Prefix {
    fn cache(&self, layer: usize, keys: Tensor, values: Tensor) -> Result<(Tensor, Tensor)> {
        let batch = keys.dim(0)?;
        let all = self.embeddings()?.reshape((self.positions, 2 * self.layers, self.heads, self.width))?;
        let before = |index: usize, real: &Tensor| {
            let part = all.narrow(1, index, 1)?.squeeze(1)?.transpose(0, 1)?.unsqueeze(0)?;
            let part = part.broadcast_as((batch, self.heads, self.positions, self.width))?;
            Tensor::cat(&[&part.contiguous()?, real], 2)
        };
        Ok((before(2 * layer, &keys)?, before(2 * layer + 1, &values)?))
    }

    fn cached_positions(&self) -> usize {
        self.positions
    }
}
