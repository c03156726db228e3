//! What theory promises of every method, over random shapes: a fresh adapter changes nothing, ΔW has rank r at most, merging is invisible and
//! can be undone, gradients are finite, agree with finite differences, and are zero exactly where they should be.
#![allow(clippy::unwrap_used, clippy::panic)]

use candle_core::{DType, Device, Tensor, Var};
use deltaw::{
    linalg::{singular_values, to_array},
    model::{Config, Decoder, Doors, Projection, Shut, Site},
    optim::{AdamW, Hyper, Optimizer as _},
    peft::{
        Dora, Fusion, Ia3, Lora, Mergeable, Method, PTuning, Prefix, Prompt, Switch, Targets, TiedLora, Vera,
        bottleneck::{self, Activation},
        compose::{Combination, combine, rerank},
        dense::Dense,
        houlsby, loftq,
        lora::{self, Init},
        merge, olora, pfeiffer, pissa, tied_lora, vera,
    },
    train::fresh,
};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// A random small decoder.
fn bases() -> impl Strategy<Value = Decoder> {
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

fn ids() -> Tensor {
    Tensor::new(&[[3u32, 14, 1, 5, 9], [2, 6, 5, 3, 29]], &Device::Cpu).unwrap()
}

fn logits(base: &Decoder, doors: &dyn Doors) -> Tensor {
    let logits = base.forward(&ids(), doors).unwrap();
    // Virtual tokens come first; the real ones are compared.
    logits.narrow(1, logits.dim(1).unwrap() - 5, 5).unwrap()
}

fn gap(a: &Tensor, b: &Tensor) -> f32 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

fn size(tensor: &Tensor) -> f32 {
    tensor.abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

fn dense(model: &Decoder, site: Site) -> Tensor {
    model.projection(site).unwrap().dense().unwrap()
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn lora_config(rank: usize, seed: u64) -> lora::Config {
    lora::Config { rank, alpha: 3.0, targets: Targets::AllLinear, seed, ..lora::Config::default() }
}

fn tied(train_factors: bool) -> tied_lora::Config {
    tied_lora::Config { rank: 2, alpha: 4.0, train_factors, seed: 1 }
}

fn bottleneck_config(activation: Activation, zero_up: bool) -> bottleneck::Config {
    bottleneck::Config { width: 4, activation, zero_up, std: 0.2, seed: 5 }
}

/// Methods that add an update to weights, fresh.
fn mergeable(base: &Decoder, rank: usize, seed: u64) -> Vec<(&'static str, Box<dyn Mergeable>)> {
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
fn others(base: &Decoder) -> Vec<(&'static str, Box<dyn Method>)> {
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
fn disturb(method: &dyn Method) {
    for variable in method.variables() {
        let noise = Tensor::randn(0f32, 0.1f32, variable.shape(), &Device::Cpu).unwrap();
        variable.set(&(variable.as_tensor() + noise).unwrap()).unwrap();
    }
}

fn loss(base: &Decoder, doors: &dyn Doors) -> Tensor {
    let rows = logits(base, doors).flatten(0, 1).unwrap();
    let targets = Tensor::new(&[14u32, 1, 5, 9, 2, 6, 5, 3, 29, 0], &Device::Cpu).unwrap();
    candle_nn::loss::cross_entropy(&rows, &targets).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fresh_adapter_changes_nothing(base in bases(), rank in 1usize..5, seed in 0u64..100) {
        let bare = logits(&base, &Shut);
        for (name, method) in mergeable(&base, rank, seed) {
            // DoRA divides by the norms it starts from: the quotient is one up to rounding.
            let allowed = if name == "DoRA" { 1e-4 } else { 0.0 };
            prop_assert!(gap(&bare, &logits(&base, method.as_ref())) <= allowed, "{name}");
        }
        let zero_up = houlsby::new(&base, &bottleneck_config(Activation::Relu, true)).unwrap();
        prop_assert_eq!(gap(&bare, &logits(&base, &zero_up)), 0.0);
        for start in [pissa::start(&base, &lora_config(rank, seed)), olora::start(&base, &lora_config(rank, seed))] {
            let start = start.unwrap();
            prop_assert!(gap(&bare, &logits(&start.base, &start.adapter)) < 1e-3);
            prop_assert!(gap(&bare, &logits(&start.base, &Shut)) > 1e-3, "the base gave something away");
        }
        let mut switch = Switch::default();
        let lora = Lora::new(&base, lora_config(rank, seed)).unwrap();
        disturb(&lora);
        let adapted = logits(&base, &lora);
        switch.add("one", Box::new(lora));
        prop_assert_eq!(gap(&bare, &logits(&base, &switch)), 0.0);
        switch.activate("one").unwrap();
        prop_assert_eq!(gap(&adapted, &logits(&base, &switch)), 0.0);
        switch.disable();
        prop_assert_eq!(gap(&bare, &logits(&base, &switch)), 0.0);
        prop_assert!(switch.activate("two").is_err());
    }

    #[test]
    fn merging_is_invisible_and_can_be_undone(base in bases(), rank in 1usize..5, seed in 0u64..100) {
        for (name, method) in mergeable(&base, rank, seed) {
            disturb(method.as_ref());
            let adapted = logits(&base, method.as_ref());
            prop_assert!(gap(&adapted, &logits(&base, &Shut)) > 1e-3, "{name} does something");
            let merged = merge(&base, method.as_ref()).unwrap();
            let scale = size(&adapted).max(1.0);
            prop_assert!(gap(&adapted, &logits(&merged.model, &Shut)) < 2e-4 * scale, "{name}");
            let back = merged.unmerge(method.as_ref()).unwrap();
            for (tensor, before) in base.tensors() {
                prop_assert!(gap(&before, &back.tensors()[&tensor]) < 1e-4, "{name}: {tensor}");
            }
        }
    }

    #[test]
    fn an_update_has_rank_r_at_most(base in bases(), rank in 1usize..4, seed in 0u64..100) {
        for (name, method) in mergeable(&base, rank, seed).into_iter().take(5) {
            disturb(method.as_ref());
            let rank = if name.starts_with("Tied") { 2 } else { rank };
            for site in base.sites(&Projection::ALL) {
                let weight = &base.projection(site).unwrap().dense().unwrap();
                let Some(merged) = method.merged(site, weight).unwrap() else { continue };
                // DoRA rescales rows: what is of low rank is the update of the direction.
                if name == "DoRA" {
                    continue;
                }
                let values = singular_values(&to_array(&(merged - weight).unwrap()).unwrap()).unwrap();
                let beyond = values.get(rank).copied().unwrap_or(0.0);
                prop_assert!(beyond < 1e-5 * values[0].max(1.0), "{name} {site}: {values:?}");
                prop_assert!(values[0] > 0.0);
            }
        }
    }

    #[test]
    fn dora_at_the_norms_of_the_base_is_the_identity(base in bases(), rank in 1usize..5, seed in 0u64..100) {
        let dora = Dora::new(&base, lora_config(rank, seed)).unwrap();
        for site in base.sites(&Projection::ALL) {
            let weight = &base.projection(site).unwrap().dense().unwrap();
            let norms = weight.sqr().unwrap().sum(1).unwrap().sqrt().unwrap();
            prop_assert!(gap(&norms, dora.parts()[&site].magnitude.as_tensor()) < 1e-6);
            prop_assert!(gap(weight, &dora.merged(site, weight).unwrap().unwrap()) < 1e-6);
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences(base in bases(), rank in 1usize..4, seed in 0u64..100) {
        let plain = mergeable(&base, rank, seed).into_iter().filter(|(name, _)| *name != "DoRA");
        let mut methods: Vec<(&str, Box<dyn Method>)> =
            plain.map(|(name, method)| (name, method as Box<dyn Method>)).collect();
        methods.extend(others(&base));
        for (name, method) in methods {
            disturb(method.as_ref());
            let value = || f64::from(loss(&base, method.as_ref()).to_scalar::<f32>().unwrap());
            let grads = loss(&base, method.as_ref()).backward().unwrap();
            prop_assert!(base.tensors().values().all(|weight| grads.get(weight).is_none()), "{name}: frozen");
            for (tensor, variable) in method.named_variables() {
                let grad = grads.get(variable.as_tensor()).unwrap_or_else(|| panic!("{name}: {tensor} has no gradient"));
                let norm = f64::from(grad.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()).sqrt();
                prop_assert!(norm.is_finite(), "{name}: {tensor}");
                if norm < 1e-4 {
                    continue;
                }
                let direction = (grad / norm).unwrap();
                let start = variable.as_tensor().copy().unwrap();
                let slope = |step: f64| {
                    variable.set(&(&start + (&direction * step).unwrap()).unwrap()).unwrap();
                    let up = value();
                    variable.set(&(&start - (&direction * step).unwrap()).unwrap()).unwrap();
                    let slope = (up - value()) / (2.0 * step);
                    variable.set(&start).unwrap();
                    slope
                };
                // A long step may cross a kink of a ReLU, a short one drowns in rounding: one of them must agree.
                let slopes = [3e-3, 1e-3, 3e-4].map(slope);
                let agrees = slopes.iter().any(|slope| (slope - norm).abs() < 0.03 * norm + 1e-3);
                prop_assert!(agrees, "{name}: {tensor}: slopes {slopes:?}, gradient {norm}");
            }
        }
    }

    #[test]
    fn combining_is_not_adding_factors(base in bases(), rank in 1usize..4, seed in 0u64..100) {
        let adapters = [Lora::new(&base, lora_config(rank, seed)).unwrap(), Lora::new(&base, lora_config(rank, seed + 1)).unwrap()];
        adapters.iter().for_each(|lora| disturb(lora));
        let weighted = [(&adapters[0], 0.5), (&adapters[1], 0.5)];
        let exact = combine(&weighted, Combination::Cat).unwrap();
        let linear = combine(&weighted, Combination::Linear).unwrap();
        let full = combine(&weighted, Combination::Svd { rank: (2 * rank).min(4) }).unwrap();
        for site in base.sites(&[Projection::V]) {
            let delta = |lora: &Lora| lora.delta(site).unwrap().unwrap();
            let mean = ((delta(&adapters[0]) + delta(&adapters[1])).unwrap() * 0.5).unwrap();
            prop_assert!(gap(&mean, &delta(&exact)) < 1e-5);
            prop_assert!(gap(&mean, &delta(&linear)) > 1e-3, "the mean of factors has cross terms");
            let small = mean.dims().iter().copied().min().unwrap();
            if 2 * rank <= 4 || small == 4 {
                prop_assert!(gap(&mean, &delta(&full)) < 1e-5);
            }
            // Another basis of the same update gives another mean of factors: only ΔW has a meaning.
            prop_assert!(gap(&delta(&adapters[0]), &delta(&rerank(&adapters[0], rank.min(small)).unwrap())) < 1e-5);
        }
    }
}

/// Which tensors have a gradient that is exactly zero, by name.
fn silent(base: &Decoder, method: &dyn Method) -> Vec<String> {
    let grads = loss(base, method).backward().unwrap();
    let zero = |(name, variable): (String, Var)| {
        let grad = grads.get(variable.as_tensor()).unwrap_or_else(|| panic!("{name} has no gradient"));
        assert!(size(grad).is_finite(), "{name}");
        (size(grad) == 0.0).then_some(name)
    };
    method.named_variables().into_iter().filter_map(zero).collect()
}

fn base() -> Decoder {
    let config = Config {
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: None,
        vocab_size: 30,
        rope_theta: 10_000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: false,
    };
    fresh(&config, 3, &Device::Cpu).unwrap()
}

#[test]
fn gradients_are_zero_exactly_where_theory_says() {
    let base = base();
    let expect = |method: &dyn Method, zero: &dyn Fn(&str) -> bool, what: &str| {
        let silent = silent(&base, method);
        for (name, _) in method.named_variables() {
            assert_eq!(silent.contains(&name), zero(&name), "{what}: {name}");
        }
    };
    for init in [Init::Standard, Init::Swapped, Init::BothZero, Init::BothRandom] {
        let lora = Lora::new(&base, lora::Config { init, bias: true, ..lora_config(3, 1) }).unwrap();
        let zero = move |name: &str| match init {
            Init::Standard => name.contains("lora_A"),
            Init::Swapped => name.contains("lora_B.weight"),
            Init::BothZero => name.ends_with("weight"),
            Init::BothRandom => false,
        };
        expect(&lora, &zero, &format!("LoRA {init:?}"));
    }
    for (name, method) in mergeable(&base, 3, 1) {
        // What multiplies a factor that starts at zero learns nothing at the first step.
        let zero = |tensor: &str| match name {
            "LoRA" | "rsLoRA" | "DoRA" => tensor.contains("lora_A"),
            "VeRA" => tensor.contains("lambda_d"),
            "Tied-LoRA" => !tensor.contains("tied_B"),
            "Tied-LoRA, u and v" => tensor.contains("tied_u"),
            _ => false,
        };
        expect(method.as_ref(), &zero, name);
        disturb(method.as_ref());
        expect(method.as_ref(), &|_| false, name);
    }
    for (name, method) in others(&base) {
        if name != "AdapterFusion" {
            expect(method.as_ref(), &|_| false, name);
        }
    }
    // A fusion's key bias moves all scores of a token alike: its gradient is zero in theory and rounding in practice.
    let (_, fusion) = others(&base).into_iter().find(|(name, _)| *name == "AdapterFusion").unwrap();
    let grads = loss(&base, fusion.as_ref()).backward().unwrap();
    for (name, variable) in fusion.named_variables() {
        let grad = size(grads.get(variable.as_tensor()).unwrap());
        assert_eq!(grad < 1e-9, name.ends_with("key.bias"), "{name}: {grad}");
    }
    let zero_up = pfeiffer::new(&base, &bottleneck_config(Activation::Tanh, true)).unwrap();
    expect(&zero_up, &|name| name.contains("adapter_down"), "Pfeiffer, W_up zero");
    let start = pissa::start(&base, &lora_config(3, 1)).unwrap();
    let silent_pissa: Vec<String> = silent(&start.base, &start.adapter);
    assert!(silent_pissa.is_empty(), "PiSSA: {silent_pissa:?}");
}

#[test]
fn loftq_is_nearer_to_the_weight_than_quantisation_alone() {
    let base = base();
    let config = lora::Config { alpha: 4.0, ..lora_config(4, 1) };
    let norm = |tensor: &Tensor| tensor.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
    let error = |iterations: usize, with_factors: bool| {
        let start = loftq::start(&base, &config, iterations).unwrap();
        base.sites(&Projection::ALL)
            .into_iter()
            .map(|site| {
                let left = (dense(&base, site) - dense(&start.base, site)).unwrap();
                let delta = start.adapter.delta(site).unwrap().unwrap();
                norm(&if with_factors { (left - delta).unwrap() } else { left })
            })
            .sum::<f32>()
    };
    assert!(error(1, true) < 0.9 * error(1, false));
    assert!(error(5, true) <= error(1, true));
    let error = loftq::start(&base, &lora_config(4, 1), 1).unwrap_err();
    assert!(error.to_string().contains("alpha must equal the rank"), "{error}");
}

#[test]
fn a_converted_start_is_a_plain_lora_on_the_original_base() {
    let base = base();
    for start in [pissa::start(&base, &lora_config(3, 1)).unwrap(), olora::start(&base, &lora_config(3, 1)).unwrap()] {
        disturb(&start.adapter);
        let (trained, converted) = (logits(&start.base, &start.adapter), start.convert().unwrap());
        assert!(gap(&trained, &logits(&base, &converted)) < 1e-4);
        assert!(gap(&trained, &logits(&base, &start.adapter)) > 1e-3, "unconverted it is another model");
    }
}

#[test]
fn dropout_falls_on_the_adapters_input_and_only_in_training() {
    let base = base();
    let config = lora::Config { dropout: 0.5, init: Init::BothRandom, ..lora_config(3, 1) };
    let plain = Lora::new(&base, lora::Config { dropout: 0.0, ..config.clone() }).unwrap();
    let (lora, dora) = (Lora::new(&base, config.clone()).unwrap(), Dora::new(&base, config.clone()).unwrap());
    assert_eq!(gap(&logits(&base, &plain), &logits(&base, &lora)), 0.0);
    lora.dropout().train(true);
    dora.dropout().train(true);
    assert!(gap(&logits(&base, &plain), &logits(&base, &lora)) > 0.0);
    assert!(gap(&logits(&base, &dora), &logits(&base, &dora)) > 0.0, "each pass has its own mask");
    lora.dropout().train(false);
    assert_eq!(gap(&logits(&base, &plain), &logits(&base, &lora)), 0.0);
    // B = 0: whatever is dropped of the adapter's input, the base's product stays as it is.
    let fresh = Lora::new(&base, lora::Config { init: Init::Standard, ..config }).unwrap();
    fresh.dropout().train(true);
    assert_eq!(gap(&logits(&base, &Shut), &logits(&base, &fresh)), 0.0);
}

#[test]
fn lora_plus_gives_b_its_own_rate() {
    let base = base();
    let lora = Lora::new(&base, lora::Config { init: Init::BothRandom, ..lora_config(3, 1) }).unwrap();
    let groups = deltaw::peft::lora_plus::groups(&lora, 16.0);
    assert_eq!(groups.variables().len(), lora.variables().len());
    let before: Vec<Tensor> = lora.variables().iter().map(|variable| variable.as_tensor().copy().unwrap()).collect();
    let hyper = Hyper { learning_rate: 1e-3, weight_decay: 0.0, ..Hyper::default() };
    let mut optimizer = AdamW::new(groups, hyper).unwrap();
    optimizer.step(&loss(&base, &lora).backward().unwrap()).unwrap();
    // Adam's first step moves an entry by the learning rate, whatever its gradient.
    for ((name, variable), before) in lora.named_variables().iter().zip(before) {
        let moved = gap(variable.as_tensor(), &before);
        let expected = if name.contains("lora_B") { 1.6e-2 } else { 1e-3 };
        assert!((moved - expected).abs() < 0.02 * expected, "{name}: {moved}");
    }
}

#[test]
fn tied_lora_counts_as_published_and_shares_its_factors() {
    let base = base();
    // r·(in + h) + layers·(r + h), with h = q + k + v rows.
    let (rank, input, stacked, layers) = (2, 16, 16 + 8 + 8, 2);
    let full = TiedLora::new(&base, &tied(true)).unwrap();
    assert_eq!(full.parameter_count(), rank * (input + stacked) + layers * (rank + stacked));
    assert_eq!(TiedLora::new(&base, &tied(false)).unwrap().parameter_count(), layers * (rank + stacked));
}

#[test]
fn the_regulariser_of_a_fusion_pulls_its_values_to_the_identity() {
    let base = base();
    let (_, fusion) = others(&base).into_iter().find(|(name, _)| *name == "AdapterFusion").unwrap();
    let set = || {
        bottleneck::Adapters::new(&base, "a", pfeiffer::PLACEMENT, &bottleneck_config(Activation::Tanh, false)).unwrap()
    };
    let typed = Fusion::new(&base, vec![set()], 3).unwrap();
    let start = typed.regularisation().unwrap().to_scalar::<f32>().unwrap();
    assert!((0.0..1e-6).contains(&start), "{start}");
    for (name, variable) in typed.named_variables() {
        if name.ends_with("value.weight") {
            let moved = (variable.as_tensor() + Tensor::ones((16, 16), DType::F32, &Device::Cpu).unwrap()).unwrap();
            variable.set(&moved).unwrap();
        }
    }
    // Two layers of 256 entries, each off by one.
    assert!((typed.regularisation().unwrap().to_scalar::<f32>().unwrap() - 0.01 * 512.0).abs() < 1e-2);
    assert!(fusion.parameter_count() == 2 * (3 * 16 * 16 + 2 * 16));
}
