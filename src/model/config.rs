//! Sizes of a decoder, as Hugging Face's `config.json` names them.

use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};

/// The largest size any field may state: a lying file must not make us allocate.
const LIMIT: usize = 1 << 20;

/// Sizes of a LLaMA-style decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the MLP.
    pub intermediate_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; fewer than query heads is grouped-query attention.
    pub num_key_value_heads: usize,
    /// Width of one head; `hidden_size / num_attention_heads` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Number of tokens.
    pub vocab_size: usize,
    /// Base of the rotary frequencies.
    #[serde(default = "default_theta")]
    pub rope_theta: f64,
    /// Added to the mean square before the root.
    #[serde(default = "default_eps")]
    pub rms_norm_eps: f64,
    /// Whether the output head is the embedding table.
    #[serde(default)]
    pub tie_word_embeddings: bool,
}

fn default_theta() -> f64 {
    10_000.0
}

fn default_eps() -> f64 {
    1e-5
}

impl Config {
    /// Width of one head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// A size is zero or absurd, heads do not divide, or a head is of odd width (RoPE turns pairs).
    pub fn check(&self) -> Result<()> {
        for (name, size) in [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("vocab_size", self.vocab_size),
            ("head_dim", self.head_dim()),
        ] {
            if size == 0 || size > LIMIT {
                bail!("config.json: {name} is {size}; it must be between 1 and {LIMIT}");
            }
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            bail!(
                "config.json: {} query heads cannot share {} key/value heads evenly",
                self.num_attention_heads,
                self.num_key_value_heads
            );
        }
        if !self.head_dim().is_multiple_of(2) {
            bail!("config.json: head_dim is {}; RoPE turns pairs, so it must be even", self.head_dim());
        }
        Ok(())
    }
}
