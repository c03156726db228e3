//! What is particular to each method: where its gradients vanish, how it starts, counts, rates, dropout.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use candle_core::{DType, Device, Tensor, Var};
use common::{base, bottleneck_config, dense, disturb, gap, logits, lora_config, loss, mergeable, others, size, tied};
use deltaw::{
    model::{Decoder, Projection, Shut},
    optim::{AdamW, Hyper, Optimizer as _},
    peft::{
        Dora, Fusion, Lora, Method, TiedLora,
        bottleneck::{self, Activation},
        loftq,
        lora::{self, Init},
        olora, pfeiffer, pissa,
    },
};

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
