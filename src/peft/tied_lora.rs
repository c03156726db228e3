//! Tied-LoRA (Renduchintala et al. 2023, arXiv 2311.09578, §3): one pair of factors for all layers, two small vectors for each.
//!
//! ```text
//! W_qkv (h, in) = [W_q; W_k; W_v], stacked       ΔW_l = s · diag(v_l) B diag(u_l) A        s = α / r
//!
//! A (r, in) and B (h, r) shared by all layers     u_l (r) and v_l (h) of layer l
//! ```
//!
//! A starts random, B at zero, u and v at ones: the fresh model is the base. The paper trains all four, or freezes some; here the shared
//! pair may be frozen (its VeRA-like member; then B starts random and v at zero). No library keeps a file format for it.
//! Trained: r·(in + h) + layers·(r + h), or the second term alone.

use candle_core::{DType, Result, Tensor, Var};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{Mergeable, Method, lora};
use crate::model::{Decoder, Doors, Projection, Site, Weight, linear, scale};

/// What an adapter is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// r.
    pub rank: usize,
    /// α.
    pub alpha: f64,
    /// Whether A and B train, or only u and v.
    pub train_factors: bool,
    /// Seed of the random factors.
    pub seed: u64,
}

/// u (r) and v (h) of one layer.
#[derive(Debug)]
struct Vectors {
    u: Var,
    v: Var,
}

/// A Tied-LoRA adapter on q, k and v.
#[derive(Debug)]
pub struct TiedLora {
    a: Var,
    b: Var,
    layers: Vec<Vectors>,
    scale: f64,
    train_factors: bool,
    /// Where q, k and v begin among the h rows, and how many they have.
    rows: [(usize, usize); 3],
}

const QKV: [Projection; 3] = [Projection::Q, Projection::K, Projection::V];

impl TiedLora {
    /// A fresh adapter for `base`.
    ///
    /// # Errors
    /// The rank is zero.
    pub fn new(base: &Decoder, config: &Config) -> Result<Self> {
        if config.rank == 0 {
            candle_core::bail!("Tied-LoRA's rank must be at least 1");
        }
        let sizes = base.config();
        let (query, key_value) =
            (sizes.num_attention_heads * sizes.head_dim(), sizes.num_key_value_heads * sizes.head_dim());
        let stacked = query + 2 * key_value;
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let device = base.device();
        let a = lora::kaiming([config.rank, sizes.hidden_size], &mut rng, device)?;
        let (b, v) = match config.train_factors {
            true => (Tensor::zeros((stacked, config.rank), DType::F32, device)?, 1.0),
            false => (lora::kaiming([stacked, config.rank], &mut rng, device)?, 0.0),
        };
        let vectors = |_| {
            Ok(Vectors {
                u: Var::ones(config.rank, DType::F32, device)?,
                v: Var::from_tensor(&(Tensor::ones(stacked, DType::F32, device)? * v)?)?,
            })
        };
        Ok(Self {
            a: Var::from_tensor(&a)?,
            b: Var::from_tensor(&b)?,
            layers: (0..sizes.num_hidden_layers).map(vectors).collect::<Result<_>>()?,
            scale: config.alpha / config.rank as f64,
            train_factors: config.train_factors,
            rows: [(0, query), (query, key_value), (query + key_value, key_value)],
        })
    }

    /// (A, rows of B, u, rows of v) of a site; none outside q, k, v.
    fn parts(&self, site: Site) -> Result<Option<(Tensor, Tensor, &Var, Tensor)>> {
        let (Some(index), Some(Vectors { u, v })) =
            (QKV.iter().position(|projection| *projection == site.projection), self.layers.get(site.layer))
        else {
            return Ok(None);
        };
        let (start, count) = self.rows[index];
        let trained = |factor: &Var| if self.train_factors { factor.as_tensor().clone() } else { factor.detach() };
        let b = trained(&self.b).narrow(0, start, count)?.contiguous()?;
        Ok(Some((trained(&self.a), b, u, v.narrow(0, start, count)?)))
    }

    fn delta(&self, site: Site) -> Result<Option<Tensor>> {
        let Some((a, b, u, v)) = self.parts(site)? else { return Ok(None) };
        let product = b.broadcast_mul(u.as_tensor())?.matmul(&a)?.broadcast_mul(&v.unsqueeze(1)?)?;
        Ok(Some((product * self.scale)?))
    }
}

impl Method for TiedLora {
    fn named_variables(&self) -> Vec<(String, Var)> {
        let factors = [("tied_A", &self.a), ("tied_B", &self.b)].into_iter().filter(|_| self.train_factors);
        let vectors = self.layers.iter().enumerate().flat_map(|(layer, Vectors { u, v })| {
            [(format!("layers.{layer}.tied_u"), u.clone()), (format!("layers.{layer}.tied_v"), v.clone())]
        });
        factors.map(|(name, factor)| (name.to_owned(), factor.clone())).chain(vectors).collect()
    }
}

impl Doors for TiedLora {
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        let y = weight.apply(x)?;
        let Some((a, b, u, v)) = self.parts(site)? else { return Ok(y) };
        let small = scale(&linear(x, &a)?, u.as_tensor())?;
        y + (scale(&linear(&small, &b)?, &v)? * self.scale)?
    }
}

impl Mergeable for TiedLora {
    fn merged(&self, site: Site, weight: &Tensor) -> Result<Option<Tensor>> {
        self.delta(site)?.map(|delta| weight + delta).transpose()
    }

    fn unmerged(&self, site: Site, merged: &Tensor, _: Option<&Tensor>) -> Result<Option<Tensor>> {
        self.delta(site)?.map(|delta| merged - delta).transpose()
    }
}
