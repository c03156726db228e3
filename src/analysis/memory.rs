//! Bytes that training needs, by regime: weights, gradients, optimiser state. Activations are not part of it: no PEFT method
//! shrinks them much, and with a 4-bit base they often dominate.
//!
//! | regime | weights | gradients | optimiser | per parameter |
//! |---|---|---|---|---|
//! | fp32 Adam | 4 | 4 | 8 | 16 |
//! | mixed precision with a fp32 master copy | 2 | 2 | 4 + 8 | 16 |
//! | bf16 with fp32 moments | 2 | 2 | 8 | 12 |
//! | pure bf16 | 2 | 2 | 4 | 8 |
//! | 8-bit Adam, blocks of 256 | 2 | 2 | 2 + 2·4/256 | 6.03 |
//! | LoRA on a bf16 base | 2 N | 2 P | 8 P | 2 N + 12 P |
//! | QLoRA: NF4, double quantisation | 0.5159 N_linear + 2 N_other | 2 P | 8 P | and 2 P of weights |
//!
//! N parameters of the base, P of the adapter. Sources: Rajbhandari et al. 2019 (arXiv 1910.02054, §3.1) for mixed precision; Dettmers et
//! al. 2021 (arXiv 2110.02861) for 8-bit Adam; Dettmers et al. 2023 (arXiv 2305.14314, §3) for QLoRA.

use super::arch::{Architecture, Family};

/// Bytes of one NF4 weight with double quantisation: 4 + 8/64 + 32/(64·256) bits.
pub const NF4_DOUBLE: f64 = (4.0 + 8.0 / 64.0 + 32.0 / (64.0 * 256.0)) / 8.0;

/// Bytes of one NF4 weight with a fp32 constant per block of 64.
pub const NF4_SINGLE: f64 = (4.0 + 32.0 / 64.0) / 8.0;

/// How a model is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// Everything in 32 bits.
    Full32,
    /// 16-bit weights and gradients, 32-bit master copy and moments.
    Mixed,
    /// 16-bit weights and gradients, 32-bit moments, no master copy.
    Bf16Moments32,
    /// Everything in 16 bits.
    PureBf16,
    /// 16-bit weights and gradients, 8-bit moments in blocks of 256.
    Adam8Bit,
    /// LoRA beside a 16-bit base: adapter and its gradients in 16 bits, moments in 32.
    Lora,
    /// LoRA beside a base in NF4 with double quantisation.
    Qlora,
}

impl Regime {
    /// All regimes, from the most memory to the least.
    pub const ALL: [Self; 7] =
        [Self::Full32, Self::Mixed, Self::Bf16Moments32, Self::PureBf16, Self::Adam8Bit, Self::Lora, Self::Qlora];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full32 => "full, fp32 Adam",
            Self::Mixed => "full, mixed precision with fp32 master",
            Self::Bf16Moments32 => "full, bf16 with fp32 moments",
            Self::PureBf16 => "full, pure bf16",
            Self::Adam8Bit => "full, 8-bit Adam",
            Self::Lora => "LoRA, bf16 base",
            Self::Qlora => "QLoRA, NF4 base",
        }
    }
}

/// Bytes by what they hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bytes {
    /// Weights of base and adapter, with a master copy where there is one.
    pub weights: f64,
    /// Gradients.
    pub gradients: f64,
    /// The optimiser's moments.
    pub optimiser: f64,
}

impl Bytes {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.weights + self.gradients + self.optimiser
    }
}

/// Bytes for a base of `linear` weights in linear layers and `other` ones, with an adapter of `adapter` parameters.
#[must_use]
pub fn bytes(regime: Regime, linear: f64, other: f64, adapter: f64) -> Bytes {
    let all = linear + other;
    let full = |weights: f64, gradients: f64, optimiser: f64| Bytes {
        weights: weights * all,
        gradients: gradients * all,
        optimiser: optimiser * all,
    };
    let beside =
        |base: f64| Bytes { weights: base + 2.0 * adapter, gradients: 2.0 * adapter, optimiser: 8.0 * adapter };
    match regime {
        Regime::Full32 => full(4.0, 4.0, 8.0),
        Regime::Mixed => full(2.0 + 4.0, 2.0, 8.0),
        Regime::Bf16Moments32 => full(2.0, 2.0, 8.0),
        Regime::PureBf16 => full(2.0, 2.0, 4.0),
        Regime::Adam8Bit => full(2.0, 2.0, 2.0 + 2.0 * 4.0 / 256.0),
        Regime::Lora => beside(2.0 * all),
        Regime::Qlora => beside(NF4_DOUBLE * linear + 2.0 * other),
    }
}

/// Bytes for a known architecture.
#[must_use]
pub fn of(regime: Regime, model: &Architecture, adapter: u64) -> Bytes {
    let linear = model.linear_weights() as f64;
    bytes(regime, linear, model.total as f64 - linear, adapter as f64)
}

/// Bytes of what the forward pass keeps for the backward pass, in 16 bits, for `tokens` tokens in flight.
///
/// Counted tensor by tensor (per token and layer): the inputs and outputs of both norms (4d), q, k, v and the mixed values (2q + 2kv), and
/// in the MLP gate, up, their activation and product (4ff; without a gate 2ff). Attention is taken to recompute its probabilities (Dao et al.
/// 2022, arXiv 2205.14135); without that, heads × tokens more. Logits are kept in 32 bits. With full checkpointing (Chen et al. 2016, arXiv
/// 1604.06174) each layer keeps its input, and one layer at a time is computed again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activations {
    /// Everything kept.
    pub all: f64,
    /// With a checkpoint at every layer.
    pub checkpointed: f64,
}

/// Activations of training `model` with `tokens` tokens in flight (batch × length). The method of fine-tuning makes little difference.
#[must_use]
pub fn activations(model: &Architecture, tokens: u64) -> Activations {
    let [layers, d, query, kv, ff, vocab] =
        [model.layers, model.hidden, model.query, model.kv, model.ff, model.vocab].map(|size| size as f64);
    let mlp = if model.family == Family::Llama { 4.0 * ff } else { 2.0 * ff };
    let layer = 2.0 * (4.0 * d + 2.0 * query + 2.0 * kv + mlp);
    let (tokens, logits) = (tokens as f64, 4.0 * vocab);
    Activations { all: tokens * (layers * layer + logits), checkpointed: tokens * (layers * 2.0 * d + layer + logits) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn near(value: f64, wanted: f64, tolerance: f64) {
        assert!((value / wanted - 1.0).abs() <= tolerance, "{value} is not {wanted}");
    }

    #[test]
    fn published_figures_come_out() {
        // Biderman et al. 2024 (arXiv 2405.09673), appendix: N = 7e9, P = 1 % of it, gradients and moments of LoRA in 32 bits: 16 P.
        near(bytes(Regime::Mixed, 7e9, 0.0, 0.0).total(), 112e9, 1e-9);
        near(bytes(Regime::Lora, 7e9, 0.0, 0.07e9).total() + 4.0 * 0.07e9, 15.12e9, 1e-9);
        // GaLore (arXiv 2403.03507, §1): 7B in pure bf16: 14 weights + 42 moments and gradients, and 2 of activations apart.
        near(bytes(Regime::PureBf16, 7e9, 0.0, 0.0).total(), 56e9, 1e-9);
        // QLoRA (arXiv 2305.14314, §1): 65B, more than 780 GB in full, under 48 GB with QLoRA.
        let (linear, all, adapter) = (64.76e9, 65.29e9, 799.5e6);
        assert!(bytes(Regime::Bf16Moments32, linear, all - linear, 0.0).total() > 780e9);
        let qlora = bytes(Regime::Qlora, linear, all - linear, adapter).total();
        assert!(qlora < 48e9);
        near(qlora, 44.1e9, 0.005);
    }

    #[test]
    fn worked_values_of_llama() {
        let seven = Architecture::named("llama-2-7b").unwrap();
        near(of(Regime::Mixed, seven, 0).total(), 107.8e9, 1e-3);
        near(of(Regime::Qlora, seven, 0).total(), 3.87e9, 0.005);
        let seventy = Architecture::named("llama-2-70b").unwrap();
        near(of(Regime::Mixed, seventy, 0).total(), 1104e9, 1e-3);
        near(of(Regime::Qlora, seventy, 828_375_040).total(), 46.3e9, 0.005);
        near(NF4_DOUBLE * 8.0, 4.127, 1e-4);
        near(NF4_SINGLE * 8.0, 4.5, 1e-12);
    }

    #[test]
    fn checkpointing_keeps_the_layers_inputs() {
        let seven = Architecture::named("llama-2-7b").unwrap();
        let Activations { all, checkpointed } = activations(seven, 4096);
        // 32 layers × 4096 tokens × 4096 wide × 2 bytes, one layer of 4d + 2q + 2kv + 4ff, and logits in fp32.
        let inputs = 32.0 * 4096.0 * 4096.0 * 2.0;
        let layer = 4096.0 * 2.0 * (8.0 * 4096.0 + 4.0 * 11_008.0);
        near(checkpointed, inputs + layer + 4096.0 * 32_000.0 * 4.0, 1e-12);
        near(all, 32.0 * layer + 4096.0 * 32_000.0 * 4.0, 1e-12);
    }
}
