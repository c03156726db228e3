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

use super::Mergeable;
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
    /// s: α / r, or α / √r for rsLoRA (Kalajdzievski 2023, arXiv 2312.03732).
    pub scale: f64,
}

impl Factors {
    /// `ΔW = s · B A`, (out, in).
    ///
    /// # Errors
    /// The product fails.
    pub fn delta(&self) -> Result<Tensor> {
        self.b.matmul(self.a.as_tensor())? * self.scale
    }

    /// `s · B (A x)`, (batch, tokens, out): A first, r numbers a token instead of an (out, in) product.
    ///
    /// # Errors
    /// `x` does not fit.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        linear(&linear(x, self.a.as_tensor())?, self.b.as_tensor())? * self.scale
    }
}

/// A LoRA adapter.
pub struct Lora {
    scale: f64,
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
        let scale = config.alpha / config.rank as f64;
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
            factors.insert(site, Factors { a: Var::from_tensor(&a)?, b: Var::from_tensor(&b)?, scale });
        }
        Ok(Self { scale, factors })
    }

    /// An adapter of given factors, as read from a file; ranks and scales may differ from site to site.
    #[must_use]
    pub fn from_factors(factors: BTreeMap<Site, Factors>) -> Self {
        let scale = factors.values().next().map_or(1.0, |factors| factors.scale);
        Self { scale, factors }
    }

    /// s = α / r (of the first site, where a file gives sites their own).
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// `ΔW = s · B A` (out, in) of a site, or none where the site is not adapted.
    ///
    /// # Errors
    /// The product fails.
    pub fn delta(&self, site: Site) -> Result<Option<Tensor>> {
        self.factors.get(&site).map(Factors::delta).transpose()
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
        match self.factors.get(&site) {
            Some(factors) => y + factors.apply(x)?,
            None => Ok(y),
        }
    }
}

impl Mergeable for Lora {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        self.delta(site)?.map(|delta| weight + delta).transpose()
    }
}

/// Kaiming-uniform with a = √5, as loralib and PEFT call it: U(−1/√in, 1/√in), whatever the rank.
fn kaiming([rows, width]: [usize; 2], rng: &mut ChaCha8Rng, device: &Device) -> Result<Tensor> {
    let bound = 1.0 / (width as f32).sqrt();
    let values: Vec<f32> = (0..rows * width).map(|_| rng.random_range(-bound..bound)).collect();
    Tensor::from_vec(values, (rows, width), device)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{
        model::{Shut, tokens},
        train::{Batch, fresh, loss},
    };

    fn base() -> Decoder {
        let config = crate::model::Config {
            hidden_size: 16,
            intermediate_size: 24,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: None,
            vocab_size: tokens::vocabulary(),
            rope_theta: 10_000.0,
            rms_norm_eps: 1e-5,
            tie_word_embeddings: false,
        };
        fresh(&config, 3, &Device::Cpu).unwrap()
    }

    fn batch() -> Batch {
        let pairs = [("up:ab>".to_owned(), "AB.".to_owned()), ("rev:abc>".to_owned(), "cba.".to_owned())];
        Batch::new(&pairs, &Device::Cpu).unwrap()
    }

    fn adapter(base: &Decoder, init: Init) -> Lora {
        let targets = Projection::ALL.to_vec();
        Lora::new(base, Config { rank: 3, alpha: 6.0, targets, init, seed: 5 }).unwrap()
    }

    #[test]
    fn a_fresh_adapter_is_the_base_to_the_last_bit() {
        let (base, batch) = (base(), batch());
        let logits = |doors: &dyn Doors| {
            base.forward(&batch.ids, doors).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(logits(&Shut), logits(&adapter(&base, Init::Standard)));
        assert_eq!(logits(&Shut), logits(&adapter(&base, Init::Swapped)));
        assert_ne!(logits(&Shut), logits(&adapter(&base, Init::BothRandom)));
    }

    #[test]
    fn gradients_reach_the_factors_exactly_where_theory_says() {
        let (base, batch) = (base(), batch());
        for (init, a_moves, b_moves) in [
            (Init::Standard, false, true),
            (Init::Swapped, true, false),
            (Init::BothZero, false, false),
            (Init::BothRandom, true, true),
        ] {
            let lora = adapter(&base, init);
            let grads = loss(&base, &lora, &batch).unwrap().backward().unwrap();
            for (site, factors) in lora.factors() {
                for (factor, moves) in [(&factors.a, a_moves), (&factors.b, b_moves)] {
                    let grad = grads.get(factor.as_tensor()).unwrap();
                    let size = grad.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
                    assert!(size.is_finite() && (size > 0.0) == moves, "{init:?} {site}: {size}");
                }
            }
            // The base is no part of the graph: nothing is computed for it.
            assert!(base.tensors().values().all(|weight| grads.get(weight).is_none()));
        }
    }

    #[test]
    fn the_gradients_agree_with_finite_differences() {
        let (base, batch) = (base(), batch());
        let lora = adapter(&base, Init::BothRandom);
        let value = || f64::from(loss(&base, &lora, &batch).unwrap().to_scalar::<f32>().unwrap());
        let grads = loss(&base, &lora, &batch).unwrap().backward().unwrap();
        for (_, factors) in lora.factors().iter().take(7) {
            for factor in [&factors.a, &factors.b] {
                let grad = grads.get(factor.as_tensor()).unwrap();
                let start = factor.as_tensor().copy().unwrap();
                // Along the gradient itself the slope is its squared norm over its norm.
                let norm = f64::from(grad.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()).sqrt();
                let step = 1e-2;
                let direction = (grad / norm).unwrap();
                factor.set(&(&start + (&direction * step).unwrap()).unwrap()).unwrap();
                let up = value();
                factor.set(&(&start - (&direction * step).unwrap()).unwrap()).unwrap();
                let down = value();
                factor.set(&start).unwrap();
                let slope = (up - down) / (2.0 * step);
                assert!((slope - norm).abs() < 0.03 * norm + 1e-4, "slope {slope}, norm {norm}");
            }
        }
    }

    #[test]
    fn the_update_is_scaled_by_alpha_over_r_and_has_rank_r_at_most() {
        let base = base();
        let lora = adapter(&base, Init::BothRandom);
        assert_eq!(lora.scale(), 2.0);
        let (site, factors) = lora.factors().iter().next().unwrap();
        let product = factors.b.matmul(factors.a.as_tensor()).unwrap();
        let gap = (lora.delta(*site).unwrap().unwrap() - (product * 2.0).unwrap()).unwrap();
        assert_eq!(gap.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap(), 0.0);
        assert_eq!(factors.a.dims()[0], 3);
        assert_eq!(factors.b.dims()[1], 3);
    }

    #[test]
    fn factor_a_is_bounded_by_the_width_of_its_input_whatever_the_rank() {
        let base = base();
        for rank in [1, 8, 16] {
            let config = Config { rank, targets: vec![Projection::Q], ..Config::default() };
            let lora = Lora::new(&base, config).unwrap();
            let a = lora.factors().values().next().unwrap().a.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let largest = a.iter().fold(0f32, |most, value| most.max(value.abs()));
            assert!(largest <= 0.25 && largest > 0.15, "rank {rank}: {largest}");
        }
    }

    #[test]
    fn the_count_is_r_times_in_plus_out() {
        let base = base();
        // Per layer: q and o 16×16, k and v 8×16, gate and up 24×16, down 16×24.
        let per_layer = 3 * (2 * 32 + 2 * 24 + 3 * 40);
        assert_eq!(adapter(&base, Init::Standard).parameter_count(), 2 * per_layer);
    }
}
