//! VeRA (Kopiczko et al. 2023, arXiv 2310.11454, §3): one frozen random pair for all layers, two trained vectors per site.
//!
//! ```text
//! y = W₀ x + b ⊙ (B (d ⊙ (A x)))
//!
//! A (r, widest input) and B (widest output, r) frozen, shared and cut to each site's (r, in) and (out, r)
//! d (r) and b (out) trained; b starts at zero, so that the fresh model is the base; d at 0.1
//! ```
//!
//! There is no α. The pair need not be stored: a seed makes it again. Trained: out + r numbers per site.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, Var};
use rand_mt::Mt;

use super::{Mergeable, Method, Targets};
use crate::{
    device::up,
    model::{Decoder, Doors, Site, Weight, linear, scale},
};

/// What an adapter is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// r.
    pub rank: usize,
    /// Where every entry of d starts.
    pub d_initial: f64,
    /// Which projections are adapted.
    pub targets: Targets,
    /// Seed of the shared pair (PEFT's `projection_prng_key`).
    pub projection_seed: u32,
}

impl Default for Config {
    /// PEFT's own: r = 256, d = 0.1, seed 0; on q and v.
    fn default() -> Self {
        use crate::model::Projection::{Q, V};
        Self { rank: 256, d_initial: 0.1, targets: [Q, V].into(), projection_seed: 0 }
    }
}

/// The trained vectors of one site.
#[derive(Debug, Clone)]
pub struct Vectors {
    /// d, (r).
    pub d: Var,
    /// b, (out).
    pub b: Var,
}

/// A VeRA adapter.
#[derive(Debug)]
pub struct Vera {
    a: Tensor,
    b: Tensor,
    vectors: BTreeMap<Site, Vectors>,
    seed: u32,
}

impl Vera {
    /// A fresh adapter for `base`.
    ///
    /// # Errors
    /// The rank is zero or the targets choose nothing.
    pub fn new(base: &Decoder, config: Config) -> Result<Self> {
        let (mut widest, mut tallest, mut vectors) = (0, 0, BTreeMap::new());
        for site in config.targets.sites(base) {
            let Some(weight) = base.projection(site) else { continue };
            let (out, width) = weight.dims2()?;
            (widest, tallest) = (widest.max(width), tallest.max(out));
            let d = (Tensor::ones(config.rank, DType::F32, base.device())? * config.d_initial)?;
            vectors.insert(site, Vectors { d: Var::from_tensor(&d)?, b: Var::zeros(out, DType::F32, base.device())? });
        }
        if config.rank == 0 || vectors.is_empty() {
            candle_core::bail!("VeRA needs a rank from 1 and targets that choose a projection of this model");
        }
        let (a, b) = projection(config.projection_seed, config.rank, widest, tallest, base.device())?;
        Ok(Self::from_parts(a, b, vectors, config.projection_seed))
    }

    /// An adapter of the shared pair `a` (r, widest input), `b` (widest output, r), the seed it came from, and given vectors.
    #[must_use]
    pub fn from_parts(a: Tensor, b: Tensor, vectors: BTreeMap<Site, Vectors>, seed: u32) -> Self {
        Self { a: a.detach(), b: b.detach(), vectors, seed }
    }

    /// Seed of the shared pair.
    #[must_use]
    pub fn projection_seed(&self) -> u32 {
        self.seed
    }

    /// The frozen pair, A (r, widest input) and B (widest output, r).
    #[must_use]
    pub fn pair(&self) -> (&Tensor, &Tensor) {
        (&self.a, &self.b)
    }

    /// The vectors by site.
    #[must_use]
    pub fn vectors(&self) -> &BTreeMap<Site, Vectors> {
        &self.vectors
    }

    /// The shared pair, cut to a weight (out, in).
    fn cut(&self, (out, width): (usize, usize)) -> Result<(Tensor, Tensor)> {
        Ok((self.a.narrow(1, 0, width)?.contiguous()?, self.b.narrow(0, 0, out)?.contiguous()?))
    }

    /// `ΔW = diag(b) B diag(d) A`, (out, in).
    fn delta(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        let Some(Vectors { d, b }) = self.vectors.get(&site) else { return Ok(None) };
        let (shared_a, shared_b) = self.cut(weight.dims2()?)?;
        let scaled = shared_b.broadcast_mul(d.as_tensor())?.matmul(&shared_a)?;
        scaled.broadcast_mul(&b.unsqueeze(1)?).map(Some)
    }
}

/// The shared pair as PEFT draws it: torch's generator (MT19937) seeded once, A before B, each Kaiming-uniform on
/// ±√(6 / columns), one 32-bit output per entry of which the low 24 bits count.
///
/// # Errors
/// The device has no room.
pub fn projection(seed: u32, rank: usize, widest: usize, tallest: usize, device: &Device) -> Result<(Tensor, Tensor)> {
    let mut generator = Mt::new(seed);
    let mut draw = |rows: usize, columns: usize| {
        let bound = (6.0 / columns as f64).sqrt() as f32;
        let unit = |bits: u32| (bits & 0x00ff_ffff) as f32 / 16_777_216.0;
        let values = (0..rows * columns).map(|_| unit(generator.next_u32()) * (bound + bound) - bound);
        up(values.collect::<Vec<_>>(), (rows, columns), device)
    };
    Ok((draw(rank, widest)?, draw(tallest, rank)?))
}

impl Method for Vera {
    fn named_variables(&self) -> Vec<(String, Var)> {
        let of = |(site, vectors): (&Site, &Vectors)| {
            [(format!("{site}.vera_lambda_d"), vectors.d.clone()), (format!("{site}.vera_lambda_b"), vectors.b.clone())]
        };
        self.vectors.iter().flat_map(of).collect()
    }
}

impl Doors for Vera {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        let y = weight.apply(x)?;
        let Some(Vectors { d, b }) = self.vectors.get(&site) else { return Ok(y) };
        let (shared_a, shared_b) = self.cut(weight.dims2()?)?;
        let small = scale(&linear(x, &shared_a)?, d.as_tensor())?;
        y + scale(&linear(&small, &shared_b)?, b.as_tensor())?
    }
}

impl Mergeable for Vera {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        self.delta(site, weight)?.map(|delta| weight + delta).transpose()
    }

    fn unmerged(&self, site: Site, merged: &Tensor, _: Option<&Tensor>) -> Result<Option<Tensor>> {
        self.delta(site, merged)?.map(|delta| merged - delta).transpose()
    }
}
