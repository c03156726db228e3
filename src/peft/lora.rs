//! LoRA (Hu et al. 2021, arXiv 2106.09685, §4.1): freeze `W₀` and learn a low-rank update beside it.
//!
//! ```text
//! y = W₀ x + s · B (A x)        s = α / r
//!
//! W₀ (out, in) frozen     A (r, in) trained, random at the start     B (out, r) trained, zero at the start
//! ```
//!
//! With `G = ∂L/∂W` (out, in): `∂L/∂B = s · G Aᵀ` and `∂L/∂A = s · Bᵀ G`. B = 0 makes ΔW = s·BA = 0, so the fresh model *is* the base,
//! and makes the gradient of A zero at step 0; B moves first. Trained: r · (in + out) numbers per site.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::model::{Decoder, Doors, Projection, Site, linear};

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
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// r.
    pub rank: usize,
    /// α; the update is scaled by α / r.
    pub alpha: f64,
    /// Projections that get factors, in every layer.
    pub targets: Vec<Projection>,
    /// How the factors start.
    pub init: Init,
    /// Seed of the random factors.
    pub seed: u64,
}

impl Default for Config {
    /// PEFT's own: r = 8, α = 8, on q and v.
    fn default() -> Self {
        Self { rank: 8, alpha: 8.0, targets: vec![Projection::Q, Projection::V], init: Init::Standard, seed: 0 }
    }
}

/// The trained factors of one site.
pub struct Factors {
    /// (r, in).
    pub a: Var,
    /// (out, r).
    pub b: Var,
}

/// A LoRA adapter.
pub struct Lora {
    config: Config,
    factors: BTreeMap<Site, Factors>,
}

impl Lora {
    /// A fresh adapter for `base`.
    ///
    /// # Errors
    /// The rank is zero.
    pub fn new(base: &Decoder, config: Config) -> Result<Self> {
        if config.rank == 0 {
            candle_core::bail!("LoRA's rank must be at least 1");
        }
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let mut factors = BTreeMap::new();
        for site in base.sites(&config.targets) {
            let Some(weight) = base.projection(site) else { continue };
            let (out, width) = weight.dims2()?;
            let (a, b) = ([config.rank, width], [out, config.rank]);
            let (random_a, random_b) = match config.init {
                Init::Standard => (true, false),
                Init::Swapped => (false, true),
                Init::BothZero => (false, false),
                Init::BothRandom => (true, true),
            };
            let device = base.device();
            let a = if random_a { kaiming(a, &mut rng, device)? } else { Tensor::zeros(&a[..], DType::F32, device)? };
            let b = if random_b { kaiming(b, &mut rng, device)? } else { Tensor::zeros(&b[..], DType::F32, device)? };
            factors.insert(site, Factors { a: Var::from_tensor(&a)?, b: Var::from_tensor(&b)? });
        }
        Ok(Self { config, factors })
    }

    /// s = α / r.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.config.alpha / self.config.rank as f64
    }

    /// `ΔW = s · B A` (out, in) of a site, or none where the site is not adapted.
    ///
    /// # Errors
    /// The product fails.
    pub fn delta(&self, site: Site) -> Result<Option<Tensor>> {
        let Some(Factors { a, b }) = self.factors.get(&site) else { return Ok(None) };
        Ok(Some((b.matmul(a.as_tensor())? * self.scale())?))
    }

    /// The factors by site.
    #[must_use]
    pub fn factors(&self) -> &BTreeMap<Site, Factors> {
        &self.factors
    }

    /// What is trained.
    #[must_use]
    pub fn variables(&self) -> Vec<Var> {
        self.factors.values().flat_map(|f| [f.a.clone(), f.b.clone()]).collect()
    }

    /// Number of trained parameters.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.variables().iter().map(|variable| variable.elem_count()).sum()
    }
}

impl Doors for Lora {
    fn linear(&self, site: Site, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        let y = linear(x, weight)?;
        let Some(Factors { a, b }) = self.factors.get(&site) else { return Ok(y) };
        // A first: r numbers per token instead of an (out, in) product.
        let update = linear(&linear(x, a.as_tensor())?, b.as_tensor())?;
        y + (update * self.scale())?
    }
}

/// Kaiming-uniform with a = √5, as loralib and PEFT call it: U(−1/√in, 1/√in), whatever the rank.
fn kaiming([rows, width]: [usize; 2], rng: &mut ChaCha8Rng, device: &Device) -> Result<Tensor> {
    let bound = 1.0 / (width as f32).sqrt();
    let values: Vec<f32> = (0..rows * width).map(|_| rng.random_range(-bound..bound)).collect();
    Tensor::from_vec(values, (rows, width), device)
}
