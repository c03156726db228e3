//! Shapes of real architectures, enough to count parameters and bytes without any weights.

use std::borrow::Cow;

use serde_json::Value;

/// How a block's projections are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// q, k, v, o, gate, up, down; RMSNorm; no biases (LLaMA, Mistral, SmolLM2).
    Llama,
    /// q, k, v, o, up, down as separate matrices (RoBERTa, DeBERTa, GPT-3 as its papers count it).
    Plain,
    /// c_attn holds q, k and v in one (3·d, d) matrix; attn.c_proj, c_fc, mlp.c_proj (GPT-2).
    Fused,
}

/// Shapes of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Architecture {
    /// Name on the command line.
    pub name: Cow<'static, str>,
    /// Layout of a block.
    pub family: Family,
    /// Blocks.
    pub layers: u64,
    /// Width of the residual stream, d.
    pub hidden: u64,
    /// Width of queries: heads × head_dim.
    pub query: u64,
    /// Width of keys and values: heads that share them × head_dim.
    pub kv: u64,
    /// Width inside the MLP.
    pub ff: u64,
    /// Tokens.
    pub vocab: u64,
    /// All parameters.
    pub total: u64,
}

/// One adaptable matrix of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matrix {
    /// Short name: `q`, `down`, `c_attn`…
    pub name: &'static str,
    /// Rows, the output width.
    pub out: u64,
    /// Columns, the input width.
    pub width: u64,
}

impl Matrix {
    /// Whether it takes the MLP's activations back to the residual stream.
    #[must_use]
    pub fn ends_mlp(&self) -> bool {
        ["down", "mlp.c_proj"].contains(&self.name)
    }
}

macro_rules! models {
    ($($name:literal $family:ident $layers:literal $hidden:literal $kv:literal $ff:literal $vocab:literal $total:literal;)*) => {
        [$(Architecture {
            name: Cow::Borrowed($name), family: Family::$family, layers: $layers, hidden: $hidden, query: $hidden, kv: $kv, ff: $ff,
            vocab: $vocab, total: $total,
        }),*]
    };
}

/// The largest width or vocabulary a configuration may state, and the most layers: with ranks and tokens below 2¹⁷ every count then fits.
const SIZE_LIMIT: u64 = 1 << 20;
const LAYERS_LIMIT: u64 = 1 << 12;

/// The architectures that are known by name: layers, d, d_kv, d_ff, vocabulary, all parameters. GPT-3's total is its paper's; RoBERTa's and
/// DeBERTa's are rounded.
#[rustfmt::skip]
static KNOWN: [Architecture; 14] = models! {
    "llama-2-7b"    Llama 32 4096 4096 11008 32000 6738415616;
    "llama-2-13b"   Llama 40 5120 5120 13824 32000 13015864320;
    "llama-2-70b"   Llama 80 8192 1024 28672 32000 68976648192;
    "llama-3-8b"    Llama 32 4096 1024 14336 128256 8030261248;
    "mistral-7b"    Llama 32 4096 1024 14336 32000 7241732096;
    "smollm2-135m"  Llama 30 576 192 1536 49152 134515008;
    "gpt-3"         Plain 96 12288 12288 49152 50257 175255800000;
    "roberta-base"  Plain 12 768 768 3072 50265 125000000;
    "roberta-large" Plain 24 1024 1024 4096 50265 355000000;
    "deberta-xxl"   Plain 48 1536 1536 6144 128100 1500000000;
    "bert-large"    Plain 24 1024 1024 4096 30522 335000000;
    "gpt2-small"    Fused 12 768 768 3072 50257 124439808;
    "gpt2-medium"   Fused 24 1024 1024 4096 50257 354823168;
    "gpt2-large"    Fused 36 1280 1280 5120 50257 774030080;
};

impl Architecture {
    /// All known architectures.
    #[must_use]
    pub fn known() -> &'static [Self] {
        &KNOWN
    }

    /// Finds one by name, whatever the case.
    ///
    /// # Errors
    /// There is none; the message lists those there are.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        let wanted = name.trim().to_lowercase();
        KNOWN.iter().find(|model| model.name == wanted).ok_or_else(|| {
            let names: Vec<&str> = KNOWN.iter().map(|model| model.name.as_ref()).collect();
            format!("no architecture is called `{name}`; there are {}", names.join(", "))
        })
    }

    /// An architecture by the sizes of a Hugging Face `config.json`, of LLaMA's kind (LLaMA, Mistral, Qwen2) or GPT-2's.
    ///
    /// # Errors
    /// It is of another kind, or a size is missing or absurd.
    pub fn from_config(name: &str, config: &Value) -> Result<Self, String> {
        let kind = config.get("model_type").and_then(Value::as_str);
        let known = if config.get("n_embd").is_some() { &["gpt2"][..] } else { &["llama", "mistral", "qwen2"] };
        if let Some(other) = kind.filter(|kind| !known.contains(kind)) {
            return Err(format!("model_type `{other}` has another layout than LLaMA, Mistral, Qwen2 or GPT-2"));
        }
        let optional = |key: &str| {
            let limit = if ["n_layer", "num_hidden_layers"].contains(&key) { LAYERS_LIMIT } else { SIZE_LIMIT };
            match config.get(key).and_then(Value::as_u64) {
                Some(size) if size == 0 || size > limit => Err(format!("{key} is {size}; it must be 1 to {limit}")),
                size => Ok(size),
            }
        };
        let size = |key: &str| optional(key)?.ok_or_else(|| format!("the configuration has no number `{key}`"));
        let name = Cow::Owned(name.to_owned());
        if config.get("n_embd").is_some() {
            let (layers, d, vocab) = (size("n_layer")?, size("n_embd")?, size("vocab_size")?);
            let ff = optional("n_inner")?.unwrap_or(4 * d);
            let positions = optional("n_positions")?.unwrap_or(1024);
            // Matrices and biases of attention and MLP, two LayerNorms a block and one at the end; the head is the embedding.
            let block = 4 * d * d + 2 * d * ff + (3 * d + d + ff + d) + 4 * d;
            let total = (vocab + positions) * d + layers * block + 2 * d;
            return Ok(Self { name, family: Family::Fused, layers, hidden: d, query: d, kv: d, ff, vocab, total });
        }
        let (layers, hidden, heads) = (size("num_hidden_layers")?, size("hidden_size")?, size("num_attention_heads")?);
        let (ff, vocab) = (size("intermediate_size")?, size("vocab_size")?);
        let head = optional("head_dim")?.unwrap_or(hidden / heads);
        let (query, kv) = (heads * head, optional("num_key_value_heads")?.unwrap_or(heads) * head);
        if query.max(kv) > SIZE_LIMIT {
            return Err(format!("all heads together are {} wide; at most {SIZE_LIMIT} can be counted", query.max(kv)));
        }
        let mut model = Self { name, family: Family::Llama, layers, hidden, query, kv, ff, vocab, total: 0 };
        let flag = |key: &str| config.get(key).and_then(Value::as_bool).unwrap_or(false);
        let qkv = query + 2 * kv;
        let attention_bias = match kind {
            Some("qwen2") => qkv,
            _ if flag("attention_bias") => qkv + hidden,
            _ => 0,
        };
        let bias = attention_bias + if flag("mlp_bias") { 2 * ff + hidden } else { 0 };
        let embeddings = vocab * hidden * if flag("tie_word_embeddings") { 1 } else { 2 };
        model.total = model.linear_weights() + layers * (2 * hidden + bias) + hidden + embeddings;
        Ok(model)
    }

    /// The adaptable matrices of one block.
    #[must_use]
    pub fn matrices(&self) -> Vec<Matrix> {
        let (d, query, kv, ff) = (self.hidden, self.query, self.kv, self.ff);
        let shapes: &[(&'static str, u64, u64)] = match self.family {
            Family::Llama => &[
                ("q", query, d),
                ("k", kv, d),
                ("v", kv, d),
                ("o", d, query),
                ("gate", ff, d),
                ("up", ff, d),
                ("down", d, ff),
            ],
            Family::Plain => &[("q", d, d), ("k", kv, d), ("v", kv, d), ("o", d, d), ("up", ff, d), ("down", d, ff)],
            Family::Fused => &[("c_attn", 3 * d, d), ("attn.c_proj", d, d), ("c_fc", ff, d), ("mlp.c_proj", d, ff)],
        };
        shapes.iter().map(|&(name, out, width)| Matrix { name, out, width }).collect()
    }

    /// The matrices of one block that `targets` names: `all-linear`, or names separated by commas or `+` (`q,v`, `k_proj+v_proj`).
    ///
    /// # Errors
    /// A name is not there; the message lists those there are.
    pub fn targets(&self, targets: &str) -> Result<Vec<Matrix>, String> {
        let all = self.matrices();
        if targets.trim() == "all-linear" {
            return Ok(all);
        }
        let mut chosen = Vec::new();
        for name in targets.split([',', '+']).map(str::trim).filter(|name| !name.is_empty()) {
            let short = if self.family == Family::Fused { name } else { name.trim_end_matches("_proj") };
            match all.iter().find(|matrix| matrix.name == short) {
                Some(matrix) if chosen.contains(matrix) => {}
                Some(matrix) => chosen.push(*matrix),
                None => {
                    let names: Vec<_> = all.iter().map(|matrix| matrix.name).collect();
                    return Err(format!(
                        "{} has no matrix `{name}`; it has {}, or say all-linear",
                        self.name,
                        names.join(", ")
                    ));
                }
            }
        }
        if chosen.is_empty() { Err("no target is named; say q,v or all-linear".to_owned()) } else { Ok(chosen) }
    }

    /// What LoRA's paper and PEFT adapt by default: q and v, or the matrix that holds them.
    #[must_use]
    pub fn default_targets(&self) -> &'static str {
        if self.family == Family::Fused { "c_attn" } else { "q,v" }
    }

    /// What (IA)³ scales by default: keys, values and the MLP's activations.
    #[must_use]
    pub fn scaled_targets(&self) -> &'static str {
        if self.family == Family::Fused { "c_attn,mlp.c_proj" } else { "k,v,down" }
    }

    /// Numbers in the linear layers of all blocks: what 4-bit loading quantises.
    #[must_use]
    pub fn linear_weights(&self) -> u64 {
        self.layers * self.matrices().iter().map(|matrix| matrix.out * matrix.width).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_config_gives_what_is_known_by_name() {
        let llama = json!({"vocab_size": 128_256, "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": false});
        assert_eq!(
            Architecture::from_config("llama-3-8b", &llama).unwrap(),
            *Architecture::named("llama-3-8b").unwrap()
        );
        let gpt2 = json!({"vocab_size": 50257, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024});
        assert_eq!(
            Architecture::from_config("gpt2-small", &gpt2).unwrap(),
            *Architecture::named("gpt2-small").unwrap()
        );
    }

    #[test]
    fn biases_count_and_other_kinds_of_model_are_refused() {
        // Qwen2.5-0.5B, as its card and checkpoint have it: 494,032,768 parameters.
        let mut config = json!({"model_type": "qwen2", "vocab_size": 151_936, "hidden_size": 896, "intermediate_size": 4864,
            "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": true});
        assert_eq!(Architecture::from_config("qwen", &config).unwrap().total, 494_032_768);
        config["model_type"] = "bert".into();
        assert!(Architecture::from_config("x", &config).unwrap_err().contains("`bert`"));
    }

    #[test]
    fn absurd_sizes_are_refused() {
        let config = json!({"hidden_size": u64::MAX, "num_hidden_layers": 1, "num_attention_heads": 1});
        assert!(Architecture::from_config("x", &config).unwrap_err().contains("hidden_size"));
        assert!(Architecture::from_config("x", &json!({})).unwrap_err().contains("num_hidden_layers"));
        let heads = json!({"num_hidden_layers": 1, "hidden_size": 1024, "num_attention_heads": 1 << 12, "head_dim": 1 << 12,
            "intermediate_size": 1, "vocab_size": 1});
        assert!(Architecture::from_config("x", &heads).unwrap_err().contains("heads together"));
    }
}
