//! The decoder: embedding, blocks of attention and MLP on a residual stream, final norm, output head.

mod extend;
mod stages;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, bail};

use super::{
    Config, Doors, Projection, Site, Weight,
    attention::{Positions, attend},
    frozen::linear,
    fused::{mean_loss, rms_norm, swiglu},
};
use crate::device::{Precision, scalar};

/// Weights of one block. Matrices are (out, in), as Hugging Face stores them.
#[derive(Debug, Clone)]
pub struct Block {
    /// RMSNorm before attention, (hidden).
    pub attention_norm: Tensor,
    /// RMSNorm before the MLP, (hidden).
    pub mlp_norm: Tensor,
    /// The seven projections in the order of [`Projection::ALL`].
    pub projections: [Weight; 7],
}

/// A LLaMA-style decoder. Its tensors are frozen unless a method put variables in their place.
#[derive(Debug, Clone)]
pub struct Decoder {
    config: Config,
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    /// Absent when the embedding table is the head, unless a file stores it in a form that multiplies faster.
    head: Option<Weight>,
}

impl Decoder {
    /// Builds the model from tensors under Hugging Face's names.
    ///
    /// # Errors
    /// The config is unusable, a tensor is missing, or its shape is not the config's.
    pub fn new(config: Config, tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        let weights = tensors.iter().map(|(name, tensor)| (name.clone(), Weight::from(tensor.clone())));
        Self::from_weights(config, &weights.collect())
    }

    /// Builds the model from weights of which the projections may be in four bits.
    ///
    /// # Errors
    /// As [`Decoder::new`].
    pub fn from_weights(config: Config, weights: &BTreeMap<String, Weight>) -> Result<Self> {
        config.check()?;
        let get = |name: &str, shape: &[usize]| match weights.get(name) {
            Some(Weight::Dense(tensor)) if tensor.dims() == shape => Ok(tensor.clone()),
            Some(Weight::Dense(tensor)) => bail!("`{name}` has shape {:?}; the config wants {shape:?}", tensor.dims()),
            Some(_) => bail!("`{name}` is quantised; only projections and the head may be"),
            None => bail!("the weights have no tensor `{name}`"),
        };
        let matrix = |name: &str, shape: [usize; 2]| match weights.get(name) {
            None | Some(Weight::Dense(_)) => get(name, &shape).map(Weight::from),
            Some(weight) if weight.dims2()? == shape.into() => Ok(weight.clone()),
            Some(weight) => bail!("`{name}` is {:?}; the config wants {shape:?}", weight.dims2()?),
        };
        let hidden = config.hidden_size;
        let mut blocks = Vec::with_capacity(config.num_hidden_layers.min(1024));
        for layer in 0..config.num_hidden_layers {
            let projection = |projection: Projection| {
                matrix(&format!("{}.weight", Site { layer, projection }), projection_shape(&config, projection))
            };
            let [q, k, v, o, gate, up, down] = Projection::ALL.map(projection);
            blocks.push(Block {
                attention_norm: get(&format!("model.layers.{layer}.input_layernorm.weight"), &[hidden])?,
                mlp_norm: get(&format!("model.layers.{layer}.post_attention_layernorm.weight"), &[hidden])?,
                projections: [q?, k?, v?, o?, gate?, up?, down?],
            });
        }
        let stored = matches!(weights.get("lm_head.weight"), Some(Weight::Stored(_)));
        let head = match config.tie_word_embeddings && !stored {
            true => None,
            false => Some(matrix("lm_head.weight", [config.vocab_size, hidden])?),
        };
        Ok(Self {
            embedding: get("model.embed_tokens.weight", &[config.vocab_size, hidden])?,
            norm: get("model.norm.weight", &[hidden])?,
            config,
            blocks,
            head,
        })
    }

    /// The sizes.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the weights are.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.embedding.device()
    }

    /// The weight (out, in) of a projection, if there is such a layer.
    #[must_use]
    pub fn projection(&self, site: Site) -> Option<&Weight> {
        let index = Projection::ALL.iter().position(|projection| *projection == site.projection)?;
        self.blocks.get(site.layer).map(|block| &block.projections[index])
    }

    /// Every site whose projection is one of `targets`, in the order of the forward pass.
    #[must_use]
    pub fn sites(&self, targets: &[Projection]) -> Vec<Site> {
        (0..self.blocks.len())
            .flat_map(|layer| Projection::ALL.map(|projection| Site { layer, projection }))
            .filter(|site| targets.contains(&site.projection))
            .collect()
    }

    /// All dense tensors under Hugging Face's names: all there are, unless some are quantised. The inverse of [`Decoder::new`].
    #[must_use]
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let dense = |(name, weight)| match weight {
            Weight::Dense(tensor) => Some((name, tensor)),
            Weight::FourBit(_) | Weight::Stored(_) => None,
        };
        self.weights().into_iter().filter_map(dense).collect()
    }

    /// All weights under Hugging Face's names; the inverse of [`Decoder::from_weights`].
    #[must_use]
    pub fn weights(&self) -> BTreeMap<String, Weight> {
        let mut all = BTreeMap::new();
        let mut put = |name: String, tensor: &Tensor| all.insert(name, Weight::Dense(tensor.clone()));
        put("model.embed_tokens.weight".to_owned(), &self.embedding);
        put("model.norm.weight".to_owned(), &self.norm);
        for (layer, block) in self.blocks.iter().enumerate() {
            put(format!("model.layers.{layer}.input_layernorm.weight"), &block.attention_norm);
            put(format!("model.layers.{layer}.post_attention_layernorm.weight"), &block.mlp_norm);
        }
        for site in self.sites(&Projection::ALL) {
            if let Some(weight) = self.projection(site) {
                all.insert(format!("{site}.weight"), weight.clone());
            }
        }
        if let Some(head) = self.head.as_ref().filter(|_| !self.config.tie_word_embeddings) {
            all.insert("lm_head.weight".to_owned(), head.clone());
        }
        all
    }

    /// The same model with every projection in NF4; `double` also quantises the scales. Embedding, norms and head stay as they are.
    ///
    /// # Errors
    /// An entry is not finite.
    pub fn quantised(&self, double: bool) -> Result<Self> {
        let mut model = self.clone();
        let narrow = Precision::ALL.into_iter().find(|precision| precision.dtype() == self.embedding.dtype());
        for weight in model.blocks.iter_mut().flat_map(|block| &mut block.projections) {
            let four_bit = Weight::nf4(&weight.dense()?, double)?;
            *weight = four_bit.computing_in(narrow.unwrap_or_default()).unwrap_or(four_bit);
        }
        Ok(model)
    }

    /// The same model with its dense matrices (embedding, projections, head) in `precision`. Norms stay in f32, quantised numbers as they are;
    /// products with NF4 are computed in that type, those with a GGUF file's blocks in f32.
    ///
    /// # Errors
    /// A weight is beyond the range of the type.
    pub fn in_precision(&self, precision: Precision) -> Result<Self> {
        let (mut model, dtype) = (self.clone(), precision.dtype());
        let cast = |tensor: &mut Tensor| {
            *tensor = tensor.to_dtype(dtype)?;
            // 0 · ∞ is no number, and no number swallows every sum.
            match dtype == DType::F32 || scalar(&(tensor.to_dtype(DType::F32)? * 0.0)?.sum_all()?)? == 0.0 {
                true => Ok(()),
                false => bail!("a weight is beyond the range of {precision}; bf16 has the range of f32"),
            }
        };
        cast(&mut model.embedding)?;
        let projections = model.blocks.iter_mut().flat_map(|block| &mut block.projections);
        for weight in projections.chain(&mut model.head) {
            if let Weight::Dense(tensor) = weight {
                cast(tensor)?;
            } else if let Some(narrower) = weight.computing_in(precision) {
                *weight = narrower;
            }
        }
        Ok(model)
    }

    /// Number of parameters, trained or frozen.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.weights().values().map(Weight::count).sum()
    }

    /// Logits (batch, tokens, vocab) for token ids (batch, tokens), with `doors` open. Virtual tokens that the `prompt` door
    /// prepends appear in the logits; virtual positions of the `cache` door do not.
    ///
    /// # Errors
    /// An id is outside the vocabulary, or a door's tensors do not fit.
    pub fn forward(&self, ids: &Tensor, doors: &dyn Doors) -> Result<Tensor> {
        let hidden = self.hidden(ids, doors)?;
        self.project(&hidden)
    }

    /// Logits (…, vocab) of the normed residual stream (…, hidden).
    fn project(&self, normed: &Tensor) -> Result<Tensor> {
        match &self.head {
            Some(head) => head.apply(normed),
            None => linear(normed, &self.embedding),
        }
    }

    /// Mean cross entropy, in nats, of the normed residual stream (rows, hidden) against `targets` (rows).
    fn project_loss(&self, normed: &Tensor, targets: &Tensor) -> Result<Tensor> {
        match &self.head {
            None => mean_loss(normed, &self.embedding, targets),
            Some(Weight::Dense(head)) => mean_loss(normed, head, targets),
            Some(head) => candle_nn::loss::cross_entropy(&head.apply(normed)?, targets),
        }
    }

    /// Logits (rows, vocab) at the chosen rows of the flattened (batch · tokens) positions only: training scores few of them.
    /// Rows count the tokens of `ids`, whatever the `prompt` door puts before them.
    ///
    /// # Errors
    /// As [`Decoder::forward`], or a row is out of range.
    pub fn forward_rows(&self, ids: &Tensor, rows: &Tensor, doors: &dyn Doors) -> Result<Tensor> {
        let x = self.through(self.embed(ids, doors)?, doors)?;
        self.head_rows(&x, ids.dim(1)?, rows)
    }

    /// The embedding table, (vocab, hidden).
    #[must_use]
    pub fn embedding(&self) -> &Tensor {
        &self.embedding
    }

    /// The residual stream after the final norm, (batch, tokens, hidden).
    fn hidden(&self, ids: &Tensor, doors: &dyn Doors) -> Result<Tensor> {
        let x = self.through(self.embed(ids, doors)?, doors)?;
        rms_norm(&x, &self.norm, self.config.rms_norm_eps)
    }

    /// The residual stream after all blocks.
    fn through(&self, mut x: Tensor, doors: &dyn Doors) -> Result<Tensor> {
        let positions = self.positions(x.dim(1)?, doors)?;
        for layer in 0..self.blocks.len() {
            x = self.block(layer, &x, &positions, doors)?;
        }
        Ok(x)
    }

    fn attention(&self, layer: usize, block: &Block, x: &Tensor, at: &Positions, doors: &dyn Doors) -> Result<Tensor> {
        let [wq, wk, wv, wo, ..] = &block.projections;
        let x = rms_norm(x, &block.attention_norm, self.config.rms_norm_eps)?;
        let project = |projection, weight, x: &Tensor| doors.linear(Site { layer, projection }, weight, x);
        let q = project(Projection::Q, wq, &x)?;
        let k = project(Projection::K, wk, &x)?;
        let v = project(Projection::V, wv, &x)?;
        project(Projection::O, wo, &attend(&self.config, layer, [q, k, v], at, doors)?)
    }
}

/// SwiGLU (Shazeer 2020, arXiv 2002.05202): `W_down (silu(W_gate x) ⊙ W_up x)` for the normalised residual stream `x`.
fn mlp(layer: usize, block: &Block, x: &Tensor, doors: &dyn Doors) -> Result<Tensor> {
    let [.., wgate, wup, wdown] = &block.projections;
    let project = |projection, weight, x: &Tensor| doors.linear(Site { layer, projection }, weight, x);
    let gate = project(Projection::Gate, wgate, x)?;
    let up = project(Projection::Up, wup, x)?;
    project(Projection::Down, wdown, &swiglu(&gate, &up)?)
}

/// (out, in) of a projection.
pub(crate) fn projection_shape(config: &Config, projection: Projection) -> [usize; 2] {
    let query = config.num_attention_heads * config.head_dim();
    let key_value = config.num_key_value_heads * config.head_dim();
    match projection {
        Projection::Q => [query, config.hidden_size],
        Projection::K | Projection::V => [key_value, config.hidden_size],
        Projection::O => [config.hidden_size, query],
        Projection::Gate | Projection::Up => [config.intermediate_size, config.hidden_size],
        Projection::Down => [config.hidden_size, config.intermediate_size],
    }
}
