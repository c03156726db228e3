//! What the tests of the methods share: small decoders, every method on them, distances.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test file uses its part")]

use candle_core::{Device, Tensor, Var};
use deltaw::{
    model::{Config, Decoder, Doors, Projection, Site},
    peft::{
        Dora, Fusion, Ia3, Lora, Mergeable, Method, PTuning, Prefix, Prompt, Targets, TiedLora, Vera,
        bottleneck::{self, Activation},
        dense::Dense,
        houlsby, lora, pfeiffer, tied_lora, vera,
    },
    train::fresh,
};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// A random small decoder.
pub fn bases() -> impl Strategy<Value = Decoder> {
    (1usize..3, 1usize..3, 1usize..3, 1usize..3, any::<bool>(), 0u64..1000).prop_map(
        |(layers, kv_heads, group, half, tied, seed)| {
            let heads = kv_heads * group;
            let config = Config {
                hidden_size: 8 * heads,
                intermediate_size: 20,
                num_hidden_layers: layers,
                num_attention_heads: heads,
                num_key_value_heads: kv_heads,
                head_dim: Some(4 * half),
                vocab_size: 30,
                max_position_embeddings: None,
                rope_theta: 10_000.0,
                rms_norm_eps: 1e-5,
                tie_word_embeddings: tied,
            };
            // Weights ten times as large as a fresh model's, so that logits are of order one.
            let base = fresh(&config, seed, &Device::Cpu).unwrap();
            let scaled = base.tensors().into_iter().map(|(name, tensor)| {
                let scale = if name.contains("norm") { 1.0 } else { 10.0 };
                (name, (tensor * scale).unwrap())
            });
            Decoder::new(config, &scaled.collect()).unwrap()
        },
    )
}

pub fn ids() -> Tensor {
    Tensor::new(&[[3u32, 14, 1, 5, 9], [2, 6, 5, 3, 29]], &Device::Cpu).unwrap()
}

pub fn logits(base: &Decoder, doors: &dyn Doors) -> Tensor {
    let logits = base.forward(&ids(), doors).unwrap();
    // Virtual tokens come first; the real ones are compared.
    logits.narrow(1, logits.dim(1).unwrap() - 5, 5).unwrap()
}

pub fn gap(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

pub fn size(tensor: &Tensor) -> f32 {
    tensor.abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

pub fn dense(model: &Decoder, site: Site) -> Tensor {
    model.projection(site).unwrap().dense().unwrap()
}

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn lora_config(rank: usize, seed: u64) -> lora::Config {
    lora::Config { rank, alpha: 3.0, targets: Targets::AllLinear, seed, ..lora::Config::default() }
}

pub fn tied(train_factors: bool) -> tied_lora::Config {
    tied_lora::Config { rank: 2, alpha: 4.0, train_factors, seed: 1 }
}

pub fn bottleneck_config(activation: Activation, zero_up: bool) -> bottleneck::Config {
    bottleneck::Config { width: 4, activation, zero_up, std: 0.2, seed: 5 }
}

/// Methods that add an update to weights, fresh.
pub fn mergeable(base: &Decoder, rank: usize, seed: u64) -> Vec<(&'static str, Box<dyn Mergeable>)> {
    let config = lora_config(rank, seed);
    let stabilised = lora::Config { rank_stabilised: true, ..config.clone() };
    let vera = vera::Config { rank, targets: Targets::AllLinear, ..vera::Config::default() };
    let down = Targets::from([Projection::Down]);
    vec![
        ("LoRA", Box::new(Lora::new(base, config.clone()).unwrap())),
        ("rsLoRA", Box::new(Lora::new(base, stabilised).unwrap())),
        ("DoRA", Box::new(Dora::new(base, config).unwrap())),
        ("VeRA", Box::new(Vera::new(base, vera).unwrap())),
        ("Tied-LoRA", Box::new(TiedLora::new(base, &tied(true)).unwrap())),
        ("Tied-LoRA, u and v", Box::new(TiedLora::new(base, &tied(false)).unwrap())),
        ("(IA)³", Box::new(Ia3::new(base, &[Projection::K, Projection::V, Projection::Down].into(), &down).unwrap())),
    ]
}

/// The others, fresh; adapters start near the base, not at it.
pub fn others(base: &Decoder) -> Vec<(&'static str, Box<dyn Method>)> {
    let sizes = base.config();
    let width = sizes.num_key_value_heads * sizes.head_dim();
    let mut rng = rng(7);
    let embedding = Var::randn(0f32, 1f32, (3, width), &Device::Cpu).unwrap();
    let first = Dense::torch(width, 6, &mut rng, &Device::Cpu).unwrap();
    let second = Dense::torch(6, 2 * sizes.num_hidden_layers * width, &mut rng, &Device::Cpu).unwrap();
    let set = |name, seed| {
        let config = bottleneck::Config { seed, ..bottleneck_config(Activation::Tanh, false) };
        bottleneck::Adapters::new(base, name, pfeiffer::PLACEMENT, &config).unwrap()
    };
    vec![
        ("Houlsby", Box::new(houlsby::new(base, &bottleneck_config(Activation::Swish, false)).unwrap())),
        ("Pfeiffer", Box::new(pfeiffer::new(base, &bottleneck_config(Activation::Gelu, false)).unwrap())),
        ("AdapterFusion", Box::new(Fusion::new(base, vec![set("a", 5), set("b", 6)], 3).unwrap())),
        ("prefix", Box::new(Prefix::random(3, sizes, &mut rng, &Device::Cpu).unwrap())),
        ("prefix with MLP", Box::new(Prefix::with_mlp(embedding, first, second, sizes).unwrap())),
        ("prompt", Box::new(Prompt::random(3, base, &mut rng).unwrap())),
        ("prompt from tokens", Box::new(Prompt::from_tokens(&[4, 5], 3, base).unwrap())),
        ("prompt from the vocabulary", Box::new(Prompt::from_vocabulary(3, base, &mut rng).unwrap())),
        ("p-tuning", Box::new(PTuning::new(3, 6, base, &mut rng).unwrap())),
    ]
}

/// Moves every trained tensor a little, so that nothing is at its special start.
pub fn disturb(method: &dyn Method) {
    for variable in method.variables() {
        let noise = Tensor::randn(0f32, 0.1f32, variable.shape(), &Device::Cpu).unwrap();
        variable.set(&(variable.as_tensor() + noise).unwrap()).unwrap();
    }
}

pub fn loss(base: &Decoder, doors: &dyn Doors) -> Tensor {
    let rows = logits(base, doors).flatten(0, 1).unwrap();
    let targets = Tensor::new(&[14u32, 1, 5, 9, 2, 6, 5, 3, 29, 0], &Device::Cpu).unwrap();
    candle_nn::loss::cross_entropy(&rows, &targets).unwrap()
}

/// A fixed small decoder.
pub fn base() -> Decoder {
    let config = Config {
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: None,
        vocab_size: 30,
        max_position_embeddings: None,
        rope_theta: 10_000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: false,
    };
    fresh(&config, 3, &Device::Cpu).unwrap()
}
