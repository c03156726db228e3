//! Keys and values in the header of a GGUF file.

use std::collections::HashMap;

use candle_core::{Result, bail, quantized::gguf_file::Value};

use crate::model::Config;

/// A view of the header's values.
pub(in crate::model) struct Metadata<'a> {
    values: &'a HashMap<String, Value>,
}

/// What would change the computation and this decoder has not.
const FOREIGN: [&str; 4] =
    ["llama.expert_count", "llama.attention.sliding_window", "llama.rope.scaling.factor", "llama.rope.scale_linear"];

impl<'a> Metadata<'a> {
    pub(super) fn new(values: &'a HashMap<String, Value>) -> Self {
        Self { values }
    }

    /// A text.
    pub(in crate::model) fn text(&self, key: &str) -> Option<&'a str> {
        match self.values.get(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// A whole number of any width.
    pub(in crate::model) fn count(&self, key: &str) -> Option<usize> {
        whole(self.values.get(key)?)
    }

    /// Yes or no.
    pub(in crate::model) fn flag(&self, key: &str) -> Option<bool> {
        match self.values.get(key) {
            Some(Value::Bool(flag)) => Some(*flag),
            _ => None,
        }
    }

    fn real(&self, key: &str) -> Option<f64> {
        match self.values.get(key) {
            // The decimal that was meant: 1e-5 and not 0.0000099999997.
            Some(Value::F32(value)) => value.to_string().parse().ok(),
            Some(Value::F64(value)) => Some(*value),
            _ => None,
        }
    }

    /// A list of texts.
    pub(in crate::model) fn texts(&self, key: &str) -> Result<Vec<&'a str>> {
        let Some(Value::Array(values)) = self.values.get(key) else { bail!("the file has no list `{key}`") };
        let text = |value: &'a Value| match value {
            Value::String(text) => Ok(text.as_str()),
            _ => bail!("`{key}` is no list of texts"),
        };
        values.iter().map(text).collect()
    }

    /// A list of whole numbers; empty where there is none.
    pub(in crate::model) fn counts(&self, key: &str) -> Vec<usize> {
        match self.values.get(key) {
            Some(Value::Array(values)) => values.iter().filter_map(whole).collect(),
            _ => Vec::new(),
        }
    }

    /// The decoder's sizes; `tied` if the embedding table is the head.
    pub(super) fn config(&self, tied: bool) -> Result<Config> {
        match self.text("general.architecture") {
            Some("llama") => {}
            other => bail!("the architecture is `{}`; only `llama` is supported", other.unwrap_or("not given")),
        }
        for key in FOREIGN {
            if self.count(key).unwrap_or(0) > 0 || self.real(key).is_some_and(|value| value != 0.0 && value != 1.0) {
                bail!("{key} is not supported");
            }
        }
        let need = |key: &str| match self.count(&format!("llama.{key}")) {
            Some(count) => Ok(count),
            None => bail!("the file does not say llama.{key}"),
        };
        let heads = need("attention.head_count")?;
        let config = Config {
            hidden_size: need("embedding_length")?,
            intermediate_size: need("feed_forward_length")?,
            num_hidden_layers: need("block_count")?,
            num_attention_heads: heads,
            num_key_value_heads: self.count("llama.attention.head_count_kv").unwrap_or(heads),
            head_dim: self.count("llama.attention.key_length"),
            vocab_size: match self.count("llama.vocab_size") {
                Some(count) => count,
                None => self.texts(TOKENS)?.len(),
            },
            max_position_embeddings: Some(need("context_length")?),
            rope_theta: self.real("llama.rope.freq_base").unwrap_or(10_000.0),
            rms_norm_eps: self.real("llama.attention.layer_norm_rms_epsilon").unwrap_or(1e-5),
            tie_word_embeddings: tied,
        };
        config.check()?;
        match self.count("llama.rope.dimension_count") {
            Some(turned) if turned != config.head_dim() => {
                bail!("RoPE turns {turned} of the {} numbers of a head; only all is supported", config.head_dim())
            }
            _ => Ok(config),
        }
    }
}

/// Key of the vocabulary.
const TOKENS: &str = "tokenizer.ggml.tokens";

fn whole(value: &Value) -> Option<usize> {
    match value {
        Value::I8(value) => usize::try_from(*value).ok(),
        Value::I16(value) => usize::try_from(*value).ok(),
        Value::I32(value) => usize::try_from(*value).ok(),
        Value::I64(value) => usize::try_from(*value).ok(),
        Value::Bool(_) => None,
        value => value.to_u64().ok().and_then(|value| usize::try_from(value).ok()),
    }
}
