//! The bottleneck that Houlsby and Pfeiffer adapters share: down, a nonlinearity, up, with a residual around it.
//!
//! ```text
//! a(x) = c · (W_up act(W_down x + b_down) + b_up)          W_down (m, hidden)     W_up (hidden, m)     c = 1
//! ```
//!
//! Where it stands and what it reads is the [`Placement`]: see [`super::houlsby`] and [`super::pfeiffer`]. The weights are normal with
//! standard deviation 0.02 at the start, as in the `adapters` library: near the identity, not the identity. Not mergeable: the
//! nonlinearity stands between the two matrices.

use std::collections::BTreeMap;

use candle_core::{DType, Result, Tensor, Var};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{Method, dense::Dense};
use crate::model::{Decoder, Doors, Sublayer};

/// act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// x · sigmoid(x), also called SiLU.
    Swish,
    /// x · Φ(x), exact.
    Gelu,
    /// The tanh approximation of GELU.
    GeluTanh,
    /// tanh.
    Tanh,
    /// x, or x / 100 where it is negative.
    LeakyRelu,
}

impl Activation {
    fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Relu => x.relu(),
            Self::Swish => x.silu(),
            Self::Gelu => x.gelu_erf(),
            Self::GeluTanh => x.gelu(),
            Self::Tanh => x.tanh(),
            Self::LeakyRelu => x.relu()? - (x.neg()?.relu()? * 0.01)?,
        }
    }
}

/// Where bottlenecks stand in a layer, and what they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// One after attention.
    pub attention: bool,
    /// One after the MLP.
    pub mlp: bool,
    /// Whether it reads the sublayer's output plus the residual stream, or that output alone.
    pub reads_residual: bool,
}

/// What a set of adapters is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Config {
    /// m.
    pub width: usize,
    /// act.
    pub activation: Activation,
    /// Standard deviation of the first weights.
    pub std: f64,
    /// Whether W_up starts at zero, which makes the fresh model the base exactly.
    pub zero_up: bool,
    /// Seed of the first weights.
    pub seed: u64,
}

impl Default for Config {
    /// The library's: m = 16, ReLU, normal weights with standard deviation 0.02.
    fn default() -> Self {
        Self { width: 16, activation: Activation::Relu, std: 0.02, zero_up: false, seed: 0 }
    }
}

/// One bottleneck.
#[derive(Debug, Clone)]
pub struct Bottleneck {
    /// hidden → m.
    pub down: Dense,
    /// m → hidden.
    pub up: Dense,
    /// act.
    pub activation: Activation,
    /// c.
    pub scaling: f64,
}

impl Bottleneck {
    /// `a(x)` for `x` (batch, tokens, hidden).
    ///
    /// # Errors
    /// `x` does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.pass(x, Dense::forward)
    }

    /// The same with the bottleneck frozen.
    ///
    /// # Errors
    /// `x` does not fit.
    pub fn forward_frozen(&self, x: &Tensor) -> Result<Tensor> {
        self.pass(x, Dense::forward_frozen)
    }

    fn pass(&self, x: &Tensor, dense: fn(&Dense, &Tensor) -> Result<Tensor>) -> Result<Tensor> {
        dense(&self.up, &self.activation.apply(&dense(&self.down, x)?)?)? * self.scaling
    }
}

/// Bottlenecks in the layers of a model. A copy shares their tensors.
#[derive(Debug, Clone)]
pub struct Adapters {
    name: String,
    placement: Placement,
    modules: BTreeMap<(usize, Sublayer), Bottleneck>,
}

impl Adapters {
    /// Fresh adapters for `base`, called `name` in the files.
    ///
    /// # Errors
    /// The width is zero.
    pub fn new(base: &Decoder, name: &str, placement: Placement, config: &Config) -> Result<Self> {
        if config.width == 0 {
            candle_core::bail!("an adapter's bottleneck must be at least 1 wide");
        }
        let (hidden, device) = (base.config().hidden_size, base.device());
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let mut modules = BTreeMap::new();
        for layer in 0..base.config().num_hidden_layers {
            for which in [Sublayer::Attention, Sublayer::Mlp].into_iter().filter(|which| placement.has(*which)) {
                let down = Dense::bert(hidden, config.width, config.std, &mut rng, device)?;
                let mut up = Dense::bert(config.width, hidden, config.std, &mut rng, device)?;
                if config.zero_up {
                    up.weight = Var::zeros((hidden, config.width), DType::F32, device)?;
                }
                let module = Bottleneck { down, up, activation: config.activation, scaling: 1.0 };
                modules.insert((layer, which), module);
            }
        }
        Ok(Self::from_modules(name, placement, modules))
    }

    /// Adapters of given modules.
    #[must_use]
    pub fn from_modules(name: &str, placement: Placement, modules: BTreeMap<(usize, Sublayer), Bottleneck>) -> Self {
        Self { name: name.to_owned(), placement, modules }
    }

    /// Their name in the files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same under another name.
    #[must_use]
    pub fn renamed(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Where they stand.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// The bottlenecks by layer and sublayer.
    #[must_use]
    pub fn modules(&self) -> &BTreeMap<(usize, Sublayer), Bottleneck> {
        &self.modules
    }
}

impl Placement {
    /// Whether a bottleneck stands after this sublayer.
    #[must_use]
    pub fn has(self, which: Sublayer) -> bool {
        match which {
            Sublayer::Attention => self.attention,
            Sublayer::Mlp => self.mlp,
        }
    }

    /// What a bottleneck reads, of the sublayer's output `branch` and its `residual`.
    pub(super) fn input(self, branch: &Tensor, residual: &Tensor) -> Result<Tensor> {
        if self.reads_residual { branch + residual } else { Ok(branch.clone()) }
    }
}

/// The library's path of the modules of a sublayer.
pub(super) fn path(layer: usize, which: Sublayer) -> String {
    let part = if which == Sublayer::Attention { "attention_adapters" } else { "output_adapters" };
    format!("model.layers.{layer}.{part}")
}

impl Method for Adapters {
    fn named_variables(&self) -> Vec<(String, Var)> {
        let of = |((layer, which), module): (&(usize, Sublayer), &Bottleneck)| {
            let path = format!("{}.adapters.{}", path(*layer, *which), self.name);
            let mut named = module.down.named(&format!("{path}.adapter_down.0"));
            named.extend(module.up.named(&format!("{path}.adapter_up")));
            named
        };
        self.modules.iter().flat_map(of).collect()
    }
}

impl Doors for Adapters {
    fn sublayer(&self, layer: usize, which: Sublayer, branch: Tensor, residual: &Tensor) -> Result<Tensor> {
        match self.modules.get(&(layer, which)) {
            Some(module) => &branch + module.forward(&self.placement.input(&branch, residual)?)?,
            None => Ok(branch),
        }
    }
}
