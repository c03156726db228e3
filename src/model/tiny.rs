//! The tiny base: a pretrained decoder of about a million parameters that is part of the crate.
//!
//! How it came to be stands in `assets/tiny/README.md`; `cargo xtask pretrain` makes it again.

use candle_core::{Device, Error, Result};

use super::{Config, Decoder, read_tensors, tokens};

const CONFIG: &str = include_str!("../../assets/tiny/config.json");
const WEIGHTS: &[u8] = include_bytes!("../../assets/tiny/model.safetensors");

/// The sizes that `cargo xtask pretrain` trains.
#[must_use]
pub fn config() -> Config {
    Config {
        hidden_size: 128,
        intermediate_size: 384,
        num_hidden_layers: 5,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: None,
        vocab_size: tokens::vocabulary(),
        max_position_embeddings: None,
        rope_theta: 10_000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: false,
    }
}

/// The pretrained weights, frozen.
///
/// # Errors
/// The device has no room.
pub fn load(device: &Device) -> Result<Decoder> {
    let config =
        serde_json::from_str(CONFIG).map_err(|error| Error::Msg(format!("assets/tiny/config.json: {error}")))?;
    Decoder::new(config, &read_tensors(WEIGHTS, device)?)
}
