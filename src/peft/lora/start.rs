//! How a LoRA adapter starts: its sizes, its targets, the first values of its factors.

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::Factors;
use crate::{
    device::up,
    model::{Projection, Site, Weight},
    peft::{Pattern, Targets},
};

/// How the factors start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Init {
    /// A random, B zero: what the paper and every library do.
    #[default]
    Standard,
    /// A zero, B random: the same function at step 0, other dynamics (Hayou et al. 2024, arXiv 2406.08447).
    Swapped,
    /// Both zero: a stationary point, nothing ever trains.
    BothZero,
    /// Both random: the model is disturbed before it has learnt anything.
    BothRandom,
}

/// What an adapter is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// r.
    pub rank: usize,
    /// α.
    pub alpha: f64,
    /// rsLoRA: the scale is α / √r instead of α / r.
    pub rank_stabilised: bool,
    /// Probability that an entry of the adapter's input is dropped in training.
    pub dropout: f64,
    /// Whether B has a bias (PEFT's `lora_bias`).
    pub bias: bool,
    /// Which projections get factors.
    pub targets: Targets,
    /// Ranks that differ from `rank`, by site.
    pub rank_pattern: Pattern,
    /// α that differ from `alpha`, by site; looked up independently of the ranks.
    pub alpha_pattern: Pattern,
    /// How the factors start.
    pub init: Init,
    /// Seed of the random factors and of dropout.
    pub seed: u64,
}

impl Default for Config {
    /// PEFT's own: r = 8, α = 8, no dropout; on q and v.
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 8.0,
            rank_stabilised: false,
            dropout: 0.0,
            bias: false,
            targets: [Projection::Q, Projection::V].into(),
            rank_pattern: Pattern::default(),
            alpha_pattern: Pattern::default(),
            init: Init::Standard,
            seed: 0,
        }
    }
}

/// Factors of a fresh site.
pub(in crate::peft) fn fresh(config: &Config, site: Site, weight: &Weight, rng: &mut ChaCha8Rng) -> Result<Factors> {
    let path = site.to_string();
    let rank = config.rank_pattern.get(&path).unwrap_or(config.rank as f64);
    if rank < 1.0 || rank.fract() != 0.0 {
        candle_core::bail!("{site}: LoRA's rank is {rank}; it must be a whole number from 1");
    }
    let (out, width) = weight.dims2()?;
    let (a, b) = ([rank as usize, width], [out, rank as usize]);
    let (random_a, random_b) = match config.init {
        Init::Standard => (true, false),
        Init::Swapped => (false, true),
        Init::BothZero => (false, false),
        Init::BothRandom => (true, true),
    };
    let mut factor = |shape: [usize; 2], random: bool| match random {
        true => kaiming(shape, rng, weight.device()),
        false => Tensor::zeros(&shape[..], DType::F32, weight.device()),
    };
    let bias = match config.bias {
        true => Some(Var::zeros(out, DType::F32, weight.device())?),
        false => None,
    };
    Ok(Factors {
        a: Var::from_tensor(&factor(a, random_a)?)?,
        b: Var::from_tensor(&factor(b, random_b)?)?,
        bias,
        alpha: config.alpha_pattern.get(&path).unwrap_or(config.alpha),
        rank_stabilised: config.rank_stabilised,
    })
}

/// Kaiming-uniform with a = √5, as loralib and PEFT call it: U(−1/√in, 1/√in), whatever the rank.
pub(in crate::peft) fn kaiming(shape: [usize; 2], rng: &mut ChaCha8Rng, device: &Device) -> Result<Tensor> {
    uniform(shape, 1.0 / (shape[1] as f32).sqrt(), rng, device)
}

/// A matrix uniform on ±`bound`.
pub(in crate::peft) fn uniform(
    [rows, columns]: [usize; 2],
    bound: f32,
    rng: &mut ChaCha8Rng,
    device: &Device,
) -> Result<Tensor> {
    let values: Vec<f32> = (0..rows * columns).map(|_| rng.random_range(-bound..bound)).collect();
    up(values, (rows, columns), device)
}
