//! Prefix tuning (Li and Liang 2021, arXiv 2101.00190, §4): learned keys and values of p virtual positions in every layer.
//!
//! ```text
//! K ← [P_K; K],  V ← [P_V; V]          P (p, 2 · layers · kv_heads · head_dim) trained: layer l's keys, then its values
//! ```
//!
//! The prefix keys carry no rotary position; real tokens stand at positions p, p + 1, … The paper's MLP that makes P during training is
//! thrown away afterwards; this is what remains. Not mergeable: nothing here is a weight.

use candle_core::{Result, Tensor, Var};

use crate::model::{Config, Doors};

/// A prefix.
pub struct Prefix {
    embeddings: Var,
    heads: usize,
    width: usize,
    layers: usize,
}

impl Prefix {
    /// A prefix of given `embeddings` (p, 2 · layers · kv_heads · head_dim) for a model of this `config`.
    ///
    /// # Errors
    /// The shape does not fit the model.
    pub fn new(embeddings: Var, config: &Config) -> Result<Self> {
        let (heads, width, layers) = (config.num_key_value_heads, config.head_dim(), config.num_hidden_layers);
        let (_, columns) = embeddings.dims2()?;
        if columns != 2 * layers * heads * width {
            candle_core::bail!("the prefix has {columns} columns; this model needs {}", 2 * layers * heads * width);
        }
        Ok(Self { embeddings, heads, width, layers })
    }

    /// What is trained.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        vec![self.embeddings.clone()]
    }
}

impl Doors for Prefix {
    fn cache(&self, layer: usize, keys: Tensor, values: Tensor) -> Result<(Tensor, Tensor)> {
        let batch = keys.dim(0)?;
        let all = self.embeddings.reshape((self.cached_positions(), 2 * self.layers, self.heads, self.width))?;
        let before = |index: usize, real: &Tensor| {
            let part = all.narrow(1, index, 1)?.squeeze(1)?.transpose(0, 1)?.unsqueeze(0)?;
            let part = part.broadcast_as((batch, self.heads, self.cached_positions(), self.width))?;
            Tensor::cat(&[&part.contiguous()?, real], 2)
        };
        Ok((before(2 * layer, &keys)?, before(2 * layer + 1, &values)?))
    }

    fn cached_positions(&self) -> usize {
        self.embeddings.dims()[0]
    }
}
