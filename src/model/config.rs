//! Sizes of a decoder, as Hugging Face's `config.json` names them.

use candle_core::{Error, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// The most positions the model was trained for; see [`Config::context`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_position_embeddings: Option<usize>,
    /// Base of the rotary frequencies.
    #[serde(default = "default_theta")]
    pub rope_theta: f64,
    /// Added to the mean square before the root; 1e-6 when absent, as in transformers.
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
    1e-6
}

/// What would change the computation and this decoder has not, with the value that changes nothing.
const NEUTRAL: [(&str, &[&str]); 6] = [
    ("model_type", &["llama", "mistral"]),
    ("sliding_window", &[]),
    ("hidden_act", &["silu", "swish"]),
    ("attention_bias", &["false"]),
    ("mlp_bias", &["false"]),
    ("rope_scaling", &[]),
];

impl Config {
    /// Reads the text of a `config.json`. `rope_theta` may stand at the top, as in older checkpoints, or in `rope_parameters`.
    ///
    /// # Errors
    /// It is no JSON, a size is missing, or an option asks for what this decoder has not (biases, scaled RoPE, another activation).
    pub fn from_json(text: &str) -> Result<Self> {
        let failed = |error: serde_json::Error| Error::Msg(format!("config.json: {error}"));
        let mut fields: Map<String, Value> = serde_json::from_str(text).map_err(failed)?;
        for (name, neutral) in NEUTRAL {
            match fields.get(name) {
                None | Some(Value::Null) => {}
                Some(value) if neutral.contains(&value.to_string().trim_matches('"')) => {}
                Some(value) => bail!("config.json: {name} = {value} is not supported"),
            }
        }
        if let Some(rope) = fields.remove("rope_parameters").as_ref().and_then(Value::as_object) {
            match rope.get("rope_type").and_then(Value::as_str) {
                None | Some("default") => {}
                Some(other) => bail!("config.json: rope_type {other} is not supported"),
            }
            if let Some(theta) = rope.get("rope_theta") {
                fields.insert("rope_theta".to_owned(), theta.clone());
            }
        }
        let config: Self = serde_json::from_value(Value::Object(fields)).map_err(failed)?;
        config.check()?;
        Ok(config)
    }

    /// The sizes of SmolLM2-135M (its published `config.json`), the smallest real model of this shape.
    #[must_use]
    pub fn smollm2_135m() -> Self {
        Self {
            hidden_size: 576,
            intermediate_size: 1536,
            num_hidden_layers: 30,
            num_attention_heads: 9,
            num_key_value_heads: 3,
            head_dim: None,
            vocab_size: 49_152,
            max_position_embeddings: Some(8192),
            rope_theta: 100_000.0,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: true,
        }
    }

    /// The most positions of one sequence. Where the file does not say, 2048: what transformers takes for a LLaMA.
    #[must_use]
    pub fn context(&self) -> usize {
        self.max_position_embeddings.unwrap_or(2048)
    }

    /// Width of one head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// The text of a `config.json` that transformers reads: the sizes, what it needs besides to know a LLaMA, and how the weights are quantised.
    ///
    /// # Errors
    /// The sizes cannot be written as JSON.
    pub fn to_json(&self, quantisation: Option<Value>) -> Result<String> {
        let failed = |error: serde_json::Error| Error::Msg(format!("config.json: {error}"));
        let mut fields = serde_json::to_value(self).map_err(failed)?;
        fields["model_type"] = "llama".into();
        fields["architectures"] = Value::Array(vec!["LlamaForCausalLM".into()]);
        fields["hidden_act"] = "silu".into();
        fields["attention_bias"] = false.into();
        fields["mlp_bias"] = false.into();
        if let Some(quantisation) = quantisation {
            fields["quantization_config"] = quantisation;
        }
        serde_json::to_string_pretty(&fields).map_err(failed)
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
            ("max_position_embeddings", self.context().min(LIMIT)),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Config;

    const SIZES: &str = r#""hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 32"#;

    fn read(more: &str) -> Result<Config, String> {
        Config::from_json(&format!("{{{SIZES}{more}}}")).map_err(|error| error.to_string())
    }

    #[test]
    fn theta_is_found_in_either_place() {
        assert_eq!(read("").unwrap().rope_theta, 10_000.0);
        assert_eq!(read(r#", "rope_theta": 500.0"#).unwrap().rope_theta, 500.0);
        assert_eq!(
            read(r#", "rope_parameters": {"rope_theta": 7.0, "rope_type": "default"}"#).unwrap().rope_theta,
            7.0
        );
    }

    #[test]
    fn what_the_decoder_has_not_is_refused_by_name() {
        for (option, name) in [
            (r#", "attention_bias": true"#, "attention_bias"),
            (r#", "hidden_act": "gelu""#, "hidden_act"),
            (r#", "rope_scaling": {"factor": 8.0}"#, "rope_scaling"),
            (r#", "rope_parameters": {"rope_type": "llama3"}"#, "rope_type"),
            (r#", "head_dim": 3"#, "head_dim"),
            (r#", "model_type": "qwen2""#, "model_type"),
            (r#", "model_type": "mistral", "sliding_window": 4096"#, "sliding_window"),
        ] {
            assert!(read(option).unwrap_err().contains(name), "{option}");
        }
        assert!(read(r#", "hidden_act": "silu", "attention_bias": false, "rope_scaling": null"#).is_ok());
    }
}
