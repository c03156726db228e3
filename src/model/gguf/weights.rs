//! Tensors of a GGUF file under Hugging Face's names.
//!
//! llama.cpp turns neighbouring entries of a head by RoPE, LLaMA checkpoints on the hub turn the first half against the second; its
//! converter therefore reorders the rows of `q_proj` and `k_proj` (`permute` in `convert_hf_to_gguf.py`). Here they are put back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

use candle_core::{
    Device, Result, Tensor, bail,
    quantized::{GgmlDType, QTensor, gguf_file::Content},
};

use crate::model::{Config, Projection, Site, Weight, decoder::projection_shape, weight::Stored};

/// Reads all tensors of a decoder of these sizes.
pub(super) fn read(
    content: &Content,
    file: &File,
    config: &Config,
    kept: bool,
    device: &Device,
) -> Result<BTreeMap<String, Weight>> {
    let mut source = Source { content, file, device, used: BTreeSet::new() };
    let mut weights = BTreeMap::new();
    let (hidden, table) = (config.hidden_size, [config.vocab_size, config.hidden_size]);
    let embedding = source.take("token_embd.weight", &table)?;
    if kept && config.tie_word_embeddings && is_quantised(&embedding) {
        weights.insert("model.embed_tokens.weight".to_owned(), embedding.dequantize(device)?.into());
        weights.insert("lm_head.weight".to_owned(), Weight::Stored(Stored::new(embedding)?));
    } else {
        weights.insert("model.embed_tokens.weight".to_owned(), embedding.dequantize(device)?.into());
    }
    if !config.tie_word_embeddings {
        weights.insert("lm_head.weight".to_owned(), form(source.take("output.weight", &table)?, kept, None, device)?);
    }
    weights.insert("model.norm.weight".to_owned(), source.dense("output_norm.weight", hidden)?.into());
    for layer in 0..config.num_hidden_layers {
        let norm = |name: &str| format!("model.layers.{layer}.{name}.weight");
        let attention = source.dense(&format!("blk.{layer}.attn_norm.weight"), hidden)?;
        let mlp = source.dense(&format!("blk.{layer}.ffn_norm.weight"), hidden)?;
        weights.insert(norm("input_layernorm"), attention.into());
        weights.insert(norm("post_attention_layernorm"), mlp.into());
        for projection in Projection::ALL {
            let stored = source
                .take(&format!("blk.{layer}.{}.weight", name(projection)), &projection_shape(config, projection))?;
            let order = order(config, projection);
            weights.insert(format!("{}.weight", Site { layer, projection }), form(stored, kept, order, device)?);
        }
    }
    source.finish()?;
    Ok(weights)
}

/// llama.cpp's name of a projection.
fn name(projection: Projection) -> &'static str {
    match projection {
        Projection::Q => "attn_q",
        Projection::K => "attn_k",
        Projection::V => "attn_v",
        Projection::O => "attn_output",
        Projection::Gate => "ffn_gate",
        Projection::Up => "ffn_up",
        Projection::Down => "ffn_down",
    }
}

/// For each row of a query or key projection, where llama.cpp has put it.
fn order(config: &Config, projection: Projection) -> Option<Vec<usize>> {
    let heads = match projection {
        Projection::Q => config.num_attention_heads,
        Projection::K => config.num_key_value_heads,
        _ => return None,
    };
    let (width, half) = (config.head_dim(), config.head_dim() / 2);
    Some((0..heads * width).map(|row| row / width * width + row % width % half * 2 + row % width / half).collect())
}

/// A matrix as it will be used: as stored, or in f32, with its rows in `order`.
fn form(stored: QTensor, kept: bool, order: Option<Vec<usize>>, device: &Device) -> Result<Weight> {
    if kept && is_quantised(&stored) {
        let stored = Stored::new(stored)?;
        return Ok(Weight::Stored(order.map_or_else(|| Ok(stored.clone()), |order| stored.reordered(&order))?));
    }
    let dense = stored.dequantize(device)?;
    Ok(Weight::Dense(match order {
        Some(order) => {
            let order: Vec<u32> = order.into_iter().map(|row| row as u32).collect();
            dense.index_select(&Tensor::new(order, device)?, 0)?
        }
        None => dense,
    }))
}

fn is_quantised(tensor: &QTensor) -> bool {
    !matches!(tensor.dtype(), GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16)
}

/// The file's tensors, taken one by one; what is left was not understood.
struct Source<'a> {
    content: &'a Content,
    file: &'a File,
    device: &'a Device,
    used: BTreeSet<String>,
}

impl Source<'_> {
    /// Takes a tensor after a look at its shape, so that a lying one is never read.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<QTensor> {
        let Some(info) = self.content.tensor_infos.get(name) else { bail!("the file has no tensor `{name}`") };
        if info.shape.dims() != shape {
            bail!("`{name}` has shape {:?}; the file's sizes want {shape:?}", info.shape.dims());
        }
        self.used.insert(name.to_owned());
        let mut file = self.file;
        info.read(&mut file, self.content.tensor_data_offset, self.device)
            .map_err(|error| error.context(format!("`{name}`")))
    }

    /// Takes a vector in f32.
    fn dense(&mut self, name: &str, width: usize) -> Result<Tensor> {
        self.take(name, &[width])?.dequantize(self.device)
    }

    /// Refuses what nobody took: biases, experts, scaled frequencies.
    fn finish(self) -> Result<()> {
        match self.content.tensor_infos.keys().find(|name| !self.used.contains(*name)) {
            None => Ok(()),
            Some(name) => bail!("the file has a tensor `{name}`, which this decoder has no place for"),
        }
    }
}
