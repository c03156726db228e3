//! Decoders of known shapes with random weights.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Error, Result, Tensor};
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    device::{Precision, up},
    model::{Config, Decoder, Projection, Site, Weight, projection_shape},
    quant::{Codebook, Quantised, Scales},
};

/// Weights that share a scale.
const BLOCK: usize = 64;

/// The largest weight.
const LARGEST: f32 = 0.05;

fn llama(hidden: usize, inner: usize, layers: usize, [heads, kv_heads]: [usize; 2]) -> Config {
    Config {
        hidden_size: hidden,
        intermediate_size: inner,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: kv_heads,
        head_dim: None,
        vocab_size: 32_000,
        max_position_embeddings: None,
        rope_theta: 10_000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: false,
    }
}

/// TinyLlama's sizes: 1.1 billion parameters.
pub(super) fn one_billion() -> Config {
    llama(2048, 5632, 22, [32, 4])
}

/// LLaMA 7B's sizes (Touvron et al. 2023, arXiv 2302.13971, table 2; the inner width from its code).
pub(super) fn seven_billion() -> Config {
    llama(4096, 11_008, 32, [32, 32])
}

/// Next to nothing, for a CPU.
pub(super) fn small() -> Config {
    Config { vocab_size: 256, ..llama(64, 160, 2, [4, 2]) }
}

/// A decoder with projections in random NF4 codes, doubly quantised, and embedding and head in `precision`. The dense model is never there.
pub(super) fn in_four_bits(config: &Config, precision: Precision, device: &Device) -> Result<Decoder> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut weights = BTreeMap::new();
    for layer in 0..config.num_hidden_layers {
        for projection in Projection::ALL {
            let [out, width] = projection_shape(config, projection);
            let weight = Weight::from_quantised(codes(&mut rng, out * width)?, (out, width), device)?;
            weights.insert(format!("{}.weight", Site { layer, projection }), weight);
        }
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            let ones = Tensor::ones(config.hidden_size, DType::F32, device)?;
            weights.insert(format!("model.layers.{layer}.{norm}.weight"), ones.into());
        }
    }
    weights.insert("model.norm.weight".to_owned(), Tensor::ones(config.hidden_size, DType::F32, device)?.into());
    for name in ["model.embed_tokens.weight", "lm_head.weight"] {
        let table = matrix(&mut rng, (config.vocab_size, config.hidden_size), device)?;
        weights.insert(name.to_owned(), table.into());
    }
    Decoder::from_weights(config.clone(), &weights)?.in_precision(precision)
}

/// Random codes and scales of `count` numbers.
pub(super) fn codes(rng: &mut ChaCha8Rng, count: usize) -> Result<Quantised> {
    let mut packed = vec![0; count.div_ceil(2)];
    rng.fill_bytes(&mut packed);
    let scales = (0..count.div_ceil(BLOCK)).map(|_| rng.random_range(0.5 * LARGEST..LARGEST)).collect();
    let scales = Scales::Plain(scales).double();
    Quantised::from_parts(packed, scales, count, BLOCK, Codebook::nf4()).map_err(Error::Msg)
}

/// A random dense matrix.
pub(super) fn matrix(rng: &mut ChaCha8Rng, (rows, columns): (usize, usize), device: &Device) -> Result<Tensor> {
    let values: Vec<f32> = (0..rows * columns).map(|_| LARGEST * (2.0 * rng.random::<f32>() - 1.0)).collect();
    up(values, (rows, columns), device)
}

/// Token ids (rows, tokens), each of them another.
pub(super) fn ids(config: &Config, rows: usize, tokens: usize, device: &Device) -> Result<Tensor> {
    let ids = (0..rows * tokens).map(|place| (place * 7919 % config.vocab_size) as u32).collect();
    up::<u32>(ids, (rows, tokens), device)
}
