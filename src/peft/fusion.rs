//! AdapterFusion (Pfeiffer et al. 2020, arXiv 2005.00247, §3.2): attention over the outputs of several frozen adapters, token by token.
//!
//! ```text
//! x = y + r                      what the adapters read (y the sublayer's output, r its residual)
//! u_n = a_n(x)                   output of adapter n, without residual
//! s_n = (W_q x + b_q) · (W_k u_n + b_k)          w = softmax over n of s
//! h = r + y + Σ_n w_n · W_v u_n
//!
//! W_q, W_k, W_v (hidden, hidden), b_q, b_k (hidden) trained, in every layer; the adapters are frozen
//! ```
//!
//! The scores are not divided by √hidden. W_v starts as the identity (plus 1e-6 elsewhere), and a regulariser `0.01 · Σ ‖I − W_v‖²` keeps it
//! near. b_k shifts all scores of a token alike: softmax ignores it. Trained: 3·hidden² + 2·hidden numbers a layer. Not mergeable.

use std::collections::BTreeMap;

use candle_core::{D, DType, Result, Tensor, Var};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{
    Method,
    bottleneck::{Adapters, Placement, path},
    dense::Dense,
};
use crate::model::{Decoder, Doors, Sublayer};

/// The trained mixer of one place.
#[derive(Debug, Clone)]
pub struct Mixer {
    /// W_q, b_q.
    pub query: Dense,
    /// W_k, b_k.
    pub key: Dense,
    /// W_v, without bias.
    pub value: Dense,
}

/// A fusion of adapters.
#[derive(Debug)]
pub struct Fusion {
    adapters: Vec<Adapters>,
    mixers: BTreeMap<(usize, Sublayer), Mixer>,
    placement: Placement,
}

impl Fusion {
    /// A fresh fusion of `adapters`, which stay as they are: W_q and W_k normal with standard deviation 0.02, W_v the identity.
    ///
    /// # Errors
    /// There are no adapters, or they do not stand at the same places.
    pub fn new(base: &Decoder, adapters: Vec<Adapters>, seed: u64) -> Result<Self> {
        let (hidden, device) = (base.config().hidden_size, base.device());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let places: Vec<_> =
            adapters.first().map(|first| first.modules().keys().copied().collect()).unwrap_or_default();
        let mut mixers = BTreeMap::new();
        for place in places {
            let mut dense = || Dense::bert(hidden, hidden, 0.02, &mut rng, device);
            let eye = (Tensor::eye(hidden, DType::F32, device)? * (1.0 - 1e-6))?;
            let value = Dense { weight: Var::from_tensor(&(eye + 1e-6)?)?, bias: None };
            mixers.insert(place, Mixer { query: dense()?, key: dense()?, value });
        }
        Self::from_parts(adapters, mixers)
    }

    /// A fusion of given mixers.
    ///
    /// # Errors
    /// There are no adapters, or they do not stand where the mixers do.
    pub fn from_parts(adapters: Vec<Adapters>, mixers: BTreeMap<(usize, Sublayer), Mixer>) -> Result<Self> {
        let Some(placement) = adapters.first().map(Adapters::placement) else {
            candle_core::bail!("a fusion needs at least one adapter");
        };
        let fits = |adapter: &Adapters| adapter.placement() == placement && adapter.modules().keys().eq(mixers.keys());
        if let Some(odd) = adapters.iter().find(|adapter| !fits(adapter)) {
            candle_core::bail!("adapter `{}` does not stand where the fusion does", odd.name());
        }
        Ok(Self { adapters, mixers, placement })
    }

    /// The library's name of the fusion: the adapters' names with commas.
    #[must_use]
    pub fn name(&self) -> String {
        self.adapters.iter().map(Adapters::name).collect::<Vec<_>>().join(",")
    }

    /// The frozen adapters.
    #[must_use]
    pub fn adapters(&self) -> &[Adapters] {
        &self.adapters
    }

    /// `0.01 · Σ ‖I − W_v‖²` (Frobenius), a scalar to add to the loss, as the library's trainer does.
    ///
    /// # Errors
    /// A tensor operation fails.
    pub fn regularisation(&self) -> Result<Tensor> {
        let mut sum: Option<Tensor> = None;
        for Mixer { value, .. } in self.mixers.values() {
            let weight = value.weight.as_tensor();
            let off = (Tensor::eye(weight.dim(0)?, weight.dtype(), weight.device())? - weight)?.sqr()?.sum_all()?;
            sum = Some(match sum {
                Some(sum) => (sum + off)?,
                None => off,
            });
        }
        match sum {
            Some(sum) => sum * 0.01,
            None => candle_core::bail!("the fusion has no layer"),
        }
    }
}

impl Method for Fusion {
    fn named_variables(&self) -> Vec<(String, Var)> {
        let name = self.name();
        let of = |((layer, which), mixer): (&(usize, Sublayer), &Mixer)| {
            let path = format!("{}.adapter_fusion_layer.{name}", path(*layer, *which));
            let parts = [("query", &mixer.query), ("key", &mixer.key), ("value", &mixer.value)];
            parts.into_iter().flat_map(|(part, dense)| dense.named(&format!("{path}.{part}"))).collect::<Vec<_>>()
        };
        self.mixers.iter().flat_map(of).collect()
    }
}

impl Doors for Fusion {
    fn sublayer(&self, layer: usize, which: Sublayer, branch: Tensor, residual: &Tensor) -> Result<Tensor> {
        let Some(mixer) = self.mixers.get(&(layer, which)) else { return Ok(branch) };
        let x = self.placement.input(&branch, residual)?;
        // A trained mixer still sends gradients through the adapters to the layers below, never into the adapters.
        let outputs = self.adapters.iter().filter_map(|adapter| adapter.modules().get(&(layer, which)));
        let outputs: Vec<Tensor> = outputs.map(|module| module.forward_frozen(&x)).collect::<Result<_>>()?;
        let outputs = Tensor::stack(&outputs, 2)?; // (batch, tokens, n, hidden)
        let query = mixer.query.forward(&x)?.unsqueeze(2)?;
        let scores = mixer.key.forward(&outputs)?.broadcast_mul(&query)?.sum(D::Minus1)?;
        let weights = candle_nn::ops::softmax(&scores, D::Minus1)?.unsqueeze(3)?;
        branch + mixer.value.forward(&outputs)?.broadcast_mul(&weights)?.sum(2)?
    }
}
