//! A decoder with fresh random weights, for pretraining.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Normal};

use crate::{
    device::up,
    model::{Config, Decoder, Projection, Site},
};

/// Standard deviation of fresh weights, as in GPT-2 and LLaMA-style code.
const STD: f64 = 0.02;

/// Fresh weights: norms at one, matrices normal with standard deviation 0.02, those that write into the residual stream (`o_proj`,
/// `down_proj`) divided by √(2·layers) so that its variance does not grow with depth (Radford et al. 2019, GPT-2, §2.3).
///
/// # Errors
/// The config is unusable.
pub fn fresh(config: &Config, seed: u64, device: &Device) -> Result<Decoder> {
    config.check()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut matrix = |shape: [usize; 2], std: f64| -> Result<Tensor> {
        let normal = Normal::new(0.0, std).map_err(|error| candle_core::Error::Msg(error.to_string()))?;
        let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| normal.sample(&mut rng) as f32).collect();
        up(values, &shape[..], device)
    };
    let ones = Tensor::ones(config.hidden_size, candle_core::DType::F32, device)?;
    let mut tensors = BTreeMap::new();
    tensors.insert("model.embed_tokens.weight".to_owned(), matrix([config.vocab_size, config.hidden_size], STD)?);
    for layer in 0..config.num_hidden_layers {
        for projection in Projection::ALL {
            let residual = matches!(projection, Projection::O | Projection::Down);
            let std = if residual { STD / (2.0 * config.num_hidden_layers as f64).sqrt() } else { STD };
            let shape = crate::model::projection_shape(config, projection);
            tensors.insert(format!("{}.weight", Site { layer, projection }), matrix(shape, std)?);
        }
        tensors.insert(format!("model.layers.{layer}.input_layernorm.weight"), ones.clone());
        tensors.insert(format!("model.layers.{layer}.post_attention_layernorm.weight"), ones.clone());
    }
    tensors.insert("model.norm.weight".to_owned(), ones);
    if !config.tie_word_embeddings {
        tensors.insert("lm_head.weight".to_owned(), matrix([config.vocab_size, config.hidden_size], STD)?);
    }
    Decoder::new(config.clone(), &tensors)
}
