//! A whole sentence encoder: BERT (Devlin et al. 2019) with the mean of its last hidden states as the sentence (Reimers and Gurevych 2019), as
//! all-MiniLM-L6-v2 has it. Read from a directory with `config.json`, `tokenizer.json` and `model.safetensors`.

use std::path::Path;

use candle_core::{D, DType, Device, Result, Tensor, bail};
use candle_nn::{
    Embedding, LayerNorm, Linear, Module as _, VarBuilder, embedding, layer_norm, linear, ops::softmax_last_dim,
};
use serde::Deserialize;
use tokenizers::Tokenizer;

use super::Encoder;

/// Most tokens of one text, as sentence-transformers sets it for all-MiniLM-L6-v2.
const LONGEST: usize = 256;

/// Largest `config.json` or `tokenizer.json` that is read, in bytes.
const LARGEST: u64 = 64 << 20;

#[derive(Debug, Deserialize)]
struct Config {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
    #[serde(default = "gelu")]
    hidden_act: String,
}

fn gelu() -> String {
    "gelu".to_owned()
}

/// A BERT encoder with mean pooling.
#[derive(Debug)]
pub struct Bert {
    tokenizer: Tokenizer,
    words: Embedding,
    positions: Embedding,
    types: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
    longest: usize,
}

/// Attention and feed-forward, each followed by its residual sum and LayerNorm.
#[derive(Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
    heads: usize,
}

impl Bert {
    /// Reads the encoder in `directory`.
    ///
    /// # Errors
    /// A file is missing or malformed, or the model is no BERT.
    pub fn open(directory: &Path) -> Result<Self> {
        let path = |name: &str| directory.join(name);
        let bytes = |name: &str| -> Result<Vec<u8>> {
            let file = path(name);
            let told = |error: std::io::Error| candle_core::Error::Msg(format!("{}: {error}", file.display()));
            let size = std::fs::metadata(&file).map_err(told)?.len();
            if size > LARGEST {
                bail!("{}: {size} bytes are too many", file.display());
            }
            std::fs::read(&file).map_err(told)
        };
        let config: Config = serde_json::from_slice(&bytes("config.json")?)
            .map_err(|error| candle_core::Error::Msg(format!("{}: no BERT: {error}", path("config.json").display())))?;
        if config.hidden_act != "gelu"
            || config.num_attention_heads == 0
            || !config.hidden_size.is_multiple_of(config.num_attention_heads)
            || config.num_hidden_layers > 100
        {
            bail!("{}: no BERT that can be read here (gelu, equal heads)", path("config.json").display());
        }
        let mut tokenizer = Tokenizer::from_bytes(bytes("tokenizer.json")?)
            .map_err(|error| candle_core::Error::Msg(format!("{}: {error}", path("tokenizer.json").display())))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(candle_core::Error::wrap)?;
        // Read whole: a mapped file that is cut short by somebody else would end the program.
        let weights = path("model.safetensors");
        let read = std::fs::read(&weights)
            .map_err(|error| candle_core::Error::Msg(format!("{}: {error}", weights.display())))?;
        let all = VarBuilder::from_buffered_safetensors(read, DType::F32, &Device::Cpu)?;
        let all = if all.contains_tensor("bert.embeddings.word_embeddings.weight") { all.pp("bert") } else { all };
        let e = all.pp("embeddings");
        let width = config.hidden_size;
        let layer = |number: usize| Layer::read(&config, &all.pp("encoder").pp("layer").pp(number));
        Ok(Self {
            tokenizer,
            words: embedding(config.vocab_size, width, e.pp("word_embeddings"))?,
            positions: embedding(config.max_position_embeddings, width, e.pp("position_embeddings"))?,
            types: embedding(config.type_vocab_size, width, e.pp("token_type_embeddings"))?,
            norm: layer_norm(width, config.layer_norm_eps, e.pp("LayerNorm"))?,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_>>()?,
            longest: LONGEST.min(config.max_position_embeddings),
        })
    }

    fn encode_one(&self, text: &str) -> Result<Tensor> {
        let encoding = self.tokenizer.encode(text, true).map_err(candle_core::Error::wrap)?;
        let mut ids = encoding.get_ids().to_vec();
        if let Some(last) = ids.last().copied().filter(|_| ids.len() > self.longest) {
            // The closing token stays.
            ids.truncate(self.longest - 1);
            ids.push(last);
        }
        let count = ids.len();
        let ids = Tensor::from_vec(ids, count, &Device::Cpu)?;
        let places = Tensor::arange(0, u32::try_from(count).map_err(candle_core::Error::wrap)?, &Device::Cpu)?;
        let sum = (self.words.forward(&ids)? + self.positions.forward(&places)?)?;
        let mut hidden = self.norm.forward(&sum.broadcast_add(&self.types.embeddings().get(0)?)?)?;
        for layer in &self.layers {
            hidden = layer.forward(&hidden)?;
        }
        let mean = hidden.mean(0)?;
        let length = mean.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>()?.max(1e-9);
        mean.affine(f64::from(length).recip(), 0.0)
    }
}

impl Layer {
    fn read(config: &Config, at: &VarBuilder<'_>) -> Result<Self> {
        let (width, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let attention = at.pp("attention");
        let own = attention.pp("self");
        Ok(Self {
            query: linear(width, width, own.pp("query"))?,
            key: linear(width, width, own.pp("key"))?,
            value: linear(width, width, own.pp("value"))?,
            out: linear(width, width, attention.pp("output").pp("dense"))?,
            attention_norm: layer_norm(width, eps, attention.pp("output").pp("LayerNorm"))?,
            up: linear(width, inner, at.pp("intermediate").pp("dense"))?,
            down: linear(inner, width, at.pp("output").pp("dense"))?,
            norm: layer_norm(width, eps, at.pp("output").pp("LayerNorm"))?,
            heads: config.num_attention_heads,
        })
    }

    /// [tokens, width] to the same.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (count, width) = x.dims2()?;
        let size = width / self.heads;
        // [heads, tokens, size]
        let split = |y: Tensor| y.reshape((count, self.heads, size))?.transpose(0, 1)?.contiguous();
        let (q, k, v) = (split(self.query.forward(x)?)?, split(self.key.forward(x)?)?, split(self.value.forward(x)?)?);
        let scores = q.matmul(&k.transpose(D::Minus2, D::Minus1)?)?.affine((size as f64).sqrt().recip(), 0.0)?;
        let mixed = softmax_last_dim(&scores)?.matmul(&v)?.transpose(0, 1)?.reshape((count, width))?;
        let x = self.attention_norm.forward(&(self.out.forward(&mixed)? + x)?)?;
        self.norm.forward(&(self.down.forward(&self.up.forward(&x)?.gelu_erf()?)? + &x)?)
    }
}

impl Encoder for Bert {
    fn encode(&self, texts: &[&str]) -> Result<Tensor> {
        let rows = texts.iter().map(|text| self.encode_one(text)).collect::<Result<Vec<_>>>()?;
        Tensor::stack(&rows, 0)
    }

    fn compact(&self) -> bool {
        false
    }
}
