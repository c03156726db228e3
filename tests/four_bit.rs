//! What must hold of four-bit numbers, of paged state and of GaLore, whatever the sizes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use candle_core::{DType, Device, Tensor, Var};
use common::gap;
use deltaw::{
    model::{Config, Decoder, Projection, Shut, Weight, load_dir, save_dir},
    optim::{
        AdamW, Groups, Hyper, Optimizer,
        eight_bit::AdamW8bit,
        galore::{self, GaLore},
        paged::{Counters, PagedAdamW},
    },
    peft::{Dora, Ia3, Lora, Method, Targets, TiedLora, Vera, lora, merge, tied_lora, vera},
    quant::{Codebook, Scales, quantise},
    train::fresh,
};
use proptest::prelude::*;

fn numbers() -> impl Strategy<Value = Vec<f32>> {
    let number = prop_oneof![
        8 => -2f32..2f32,
        1 => Just(0f32),
        1 => prop_oneof![Just(100f32), Just(-1e-20f32), Just(1e-38f32), Just(-3e4f32)],
    ];
    prop::collection::vec(number, 0..400)
}

fn books() -> [Codebook; 3] {
    [Codebook::nf4(), Codebook::fp4(), Codebook::int4()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_survive_as_the_theory_says(values in numbers(), block in 1usize..130) {
        for book in books() {
            let coded = quantise(&values, block, &book).unwrap();
            prop_assert_eq!(coded.count(), values.len());
            prop_assert_eq!(coded.packed().len(), values.len().div_ceil(2));
            let back = coded.dequantise();
            prop_assert_eq!(back.len(), values.len());
            let mut ordered = *book.values();
            ordered.sort_by(f32::total_cmp);
            let widest = ordered.windows(2).map(|pair| pair[1] - pair[0]).fold(0f32, f32::max);
            for (index, (before, after)) in values.iter().zip(&back).enumerate() {
                let scale = coded.scales().get(index / block);
                // Half the widest gap, in units of the block's largest.
                prop_assert!((before - after).abs() <= scale * (widest / 2.0 + 1e-6), "{before} became {after} at scale {scale}");
                if *before == 0.0 {
                    prop_assert_eq!(*after, 0.0);
                }
            }
            // What came back lies on the grid: quantised again it is the same.
            let again = quantise(&back, block, &book).unwrap().dequantise();
            for (first, second) in back.iter().zip(&again) {
                prop_assert!((first - second).abs() <= 1e-6 * first.abs(), "{first} {second}");
            }
            // Any range alone is the same as a part of the whole.
            let (from, to) = (values.len() / 3, values.len() - values.len() / 4);
            let mut part = vec![0.0; to.saturating_sub(from)];
            coded.dequantise_into(from.min(to), &mut part);
            prop_assert_eq!(&part[..], &back[from.min(to)..to.max(from.min(to))]);
        }
    }

    #[test]
    fn double_quantisation_moves_scales_by_little(values in prop::collection::vec(-1f32..1f32, 64..5000)) {
        let plain = quantise(&values, 64, &Codebook::nf4()).unwrap();
        let double = plain.clone().double();
        let scales = plain.absmax();
        let mean = scales.iter().sum::<f32>() / scales.len() as f32;
        let spread = scales.iter().map(|scale| (scale - mean).abs()).fold(0f32, f32::max);
        for (before, after) in scales.iter().zip(double.absmax().iter()) {
            prop_assert!((before - after).abs() <= 0.02 * spread + 1e-6, "{before} {after}");
        }
        let doubled = matches!(double.scales(), Scales::Double { .. });
        prop_assert!(doubled);
        prop_assert!(double.bytes() < plain.bytes() || scales.len() < 4);
    }

    #[test]
    fn paging_changes_no_bit_at_any_budget(budget in 0usize..12_000_000, seed in 0u32..100) {
        let start = |rows: usize| {
            let values: Vec<f32> = (0..rows * 1000).map(|i| ((i as u32 ^ seed) as f32 * 0.37).sin()).collect();
            Var::from_tensor(&Tensor::from_vec(values, (rows, 1000), &Device::Cpu).unwrap()).unwrap()
        };
        let hyper = Hyper { learning_rate: 0.01, ..Hyper::default() };
        let run = |budget: Option<usize>, in_file: bool| -> (Vec<Vec<f32>>, Option<Counters>) {
            let variables = vec![start(700), start(3), start(300)];
            let groups = Groups::from(variables.clone());
            let steps = |optimizer: &mut dyn Optimizer| {
                for _ in 0..3 {
                    let loss = variables.iter().map(|v| v.as_tensor().sqr().unwrap().sin().unwrap().sum_all().unwrap());
                    let loss = loss.reduce(|a, b| (a + b).unwrap()).unwrap();
                    optimizer.step(&loss.backward().unwrap()).unwrap();
                }
            };
            let counters = match budget {
                None => {
                    steps(&mut AdamW::new(groups, hyper).unwrap());
                    None
                }
                Some(budget) => {
                    let mut paged = match in_file {
                        true => PagedAdamW::new(&groups, hyper, budget).unwrap(),
                        false => PagedAdamW::in_host_memory(&groups, hyper, budget),
                    };
                    steps(&mut paged);
                    Some(paged.counters())
                }
            };
            (variables.iter().map(|v| v.flatten_all().unwrap().to_vec1().unwrap()).collect(), counters)
        };
        let (paged, counters) = run(Some(budget), true);
        prop_assert_eq!(&run(None, true).0, &paged);
        prop_assert_eq!(run(Some(budget), false), (paged, counters));
        let counters = counters.unwrap();
        let (page, state) = (8 << 18, 8 * 1003 * 1000);
        prop_assert!(counters.peak <= budget.max(page) && counters.peak <= state);
        // Six pages, three steps.
        prop_assert_eq!(counters.faults + counters.hits, 18);
        // All in memory, or something has to go.
        let expected = if budget >= state { counters.faults == 6 && counters.bytes_out == 0 } else { counters.bytes_out > 0 };
        prop_assert!(expected, "{counters:?}");
    }
}

#[test]
fn what_is_not_finite_is_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = quantise(&[0.0, 1.0, bad], 64, &Codebook::nf4()).unwrap_err();
        assert_eq!(error.to_string(), "entry 2 is not a finite number and cannot be quantised");
    }
}

#[test]
fn the_bits_of_a_number_are_those_of_the_paper() {
    let values: Vec<f32> = (0..64 * 256 * 8).map(|i| (i as f32).sin()).collect();
    let plain = quantise(&values, 64, &Codebook::nf4()).unwrap();
    let bits = |bytes: usize| 8.0 * bytes as f64 / values.len() as f64;
    assert_eq!(bits(plain.bytes()), 4.5);
    assert!((bits(plain.double().bytes()) - 4.127).abs() < 1e-3);
}

fn base() -> Decoder {
    let config = Config {
        hidden_size: 32,
        intermediate_size: 44,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: None,
        vocab_size: 30,
        max_position_embeddings: None,
        rope_theta: 10_000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: false,
    };
    let small = fresh(&config, 3, &Device::Cpu).unwrap();
    let scaled = small.tensors().into_iter().map(|(name, tensor)| {
        let scale = if name.contains("norm") { 1.0 } else { 10.0 };
        (name, (tensor * scale).unwrap())
    });
    Decoder::new(config, &scaled.collect()).unwrap()
}

fn logits(model: &Decoder, doors: &dyn deltaw::model::Doors) -> Tensor {
    model.forward(&Tensor::new(&[[3u32, 14, 1, 5, 9]], &Device::Cpu).unwrap(), doors).unwrap()
}

/// The quantised model with every weight dequantised: what it must be equal to.
fn dense_twin(model: &Decoder) -> Decoder {
    let weights = model.weights().into_iter().map(|(name, weight)| (name, weight.dense().unwrap()));
    Decoder::new(model.config().clone(), &weights.collect()).unwrap()
}

#[test]
fn no_method_can_tell_four_bits_from_their_dense_form() {
    let four = base().quantised(true).unwrap();
    let dense = dense_twin(&four);
    let config =
        lora::Config { rank: 3, targets: Targets::AllLinear, init: lora::Init::BothRandom, ..Default::default() };
    let tied = tied_lora::Config { rank: 2, alpha: 4.0, train_factors: true, seed: 1 };
    let all = Targets::AllLinear;
    let methods: Vec<Box<dyn Method>> = vec![
        Box::new(Lora::new(&four, config.clone()).unwrap()),
        Box::new(Dora::new(&four, config).unwrap()),
        Box::new(Vera::new(&four, vera::Config { rank: 4, targets: all.clone(), ..Default::default() }).unwrap()),
        Box::new(Ia3::new(&four, &all, &[Projection::Down].into()).unwrap()),
        Box::new(TiedLora::new(&four, &tied).unwrap()),
    ];
    for method in methods {
        for variable in method.variables() {
            variable.set(&(variable.as_tensor() + variable.randn_like(0.0, 0.1).unwrap()).unwrap()).unwrap();
        }
        let (ours, theirs) = (logits(&four, method.as_ref()), logits(&dense, method.as_ref()));
        assert!(gap(&ours, &theirs) < 1e-4);
        let grads = |logits: Tensor| logits.sin().unwrap().sum_all().unwrap().backward().unwrap();
        let (ours, theirs) = (grads(ours), grads(theirs));
        for (name, variable) in method.named_variables() {
            let (a, b) = (ours.get(variable.as_tensor()).unwrap(), theirs.get(variable.as_tensor()).unwrap());
            let scale = b.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(gap(a, b) < 1e-4 * scale.max(1.0), "{name}");
        }
    }
}

#[test]
fn a_quantised_model_is_written_and_read_to_the_last_bit() {
    for double in [false, true] {
        let four = base().quantised(double).unwrap();
        let dir = tempfile::tempdir().unwrap();
        save_dir(&four, dir.path()).unwrap();
        let again = load_dir(dir.path(), &Device::Cpu).unwrap();
        assert_eq!(gap(&logits(&four, &Shut), &logits(&again, &Shut)), 0.0);
        let quantised = again.weights().values().filter(|weight| weight.quantised().is_some()).count();
        assert_eq!(quantised, 14);
        let config = std::fs::read_to_string(dir.path().join("config.json")).unwrap();
        assert!(config.contains("\"bnb_4bit_quant_type\": \"nf4\""));
        // The file is as small as it should be: the projections take an eighth of their dense bytes and a little.
        let bytes: usize = again.weights().values().filter(|w| w.quantised().is_some()).map(Weight::bytes).sum();
        let entries: usize = again.weights().values().filter(|w| w.quantised().is_some()).map(Weight::count).sum();
        let bits = 8.0 * bytes as f64 / entries as f64;
        assert!(bits < if double { 4.2 } else { 4.51 }, "{bits}");
    }
}

#[test]
fn merging_into_four_bits_gives_a_dense_model_and_requantising_loses() {
    let four = base().quantised(true).unwrap();
    let config = lora::Config {
        rank: 3,
        alpha: 0.3,
        targets: Targets::AllLinear,
        init: lora::Init::BothRandom,
        ..Default::default()
    };
    let lora = Lora::new(&four, config).unwrap();
    let adapted = logits(&four, &lora);
    let merged = merge(&four, &lora).unwrap().model;
    assert!(gap(&adapted, &logits(&merged, &Shut)) < 1e-3);
    assert!(merged.weights().values().all(|weight| weight.quantised().is_none()));
    let again = merged.quantised(true).unwrap();
    assert!(gap(&adapted, &logits(&again, &Shut)) > 1e-2);
}

#[test]
fn a_lying_quantisation_state_is_one_error() {
    let four = base().quantised(true).unwrap();
    let dir = tempfile::tempdir().unwrap();
    save_dir(&four, dir.path()).unwrap();
    let file = dir.path().join("model.safetensors");
    let tensors = candle_core::safetensors::load(&file, &Device::Cpu).unwrap();
    let name = "model.layers.0.mlp.up_proj.weight";
    let state = format!("{name}.quant_state.bitsandbytes__nf4");
    let text = String::from_utf8(tensors[&state].to_vec1::<u8>().unwrap()).unwrap();
    let lies = [
        (text.replace("[44,32]", "[18446744073709551615,32]"), "absurd"),
        (text.replace("[44,32]", "[4294967296,4294967296]"), "absurd"),
        (text.replace("[44,32]", "[44,320]"), "need"),
        (text.replace("\"blocksize\":64", "\"blocksize\":0"), "blocks of 0"),
        (text.replace("\"blocksize\":64", "\"blocksize\":1"), "need"),
        (text.replace("\"nested_blocksize\":256,", ""), "half of what"),
        ("{".to_owned(), "EOF"),
    ];
    for (lie, part) in lies {
        assert_ne!(lie, text);
        let mut changed = tensors.clone();
        changed.insert(state.clone(), Tensor::new(lie.as_bytes(), &Device::Cpu).unwrap());
        candle_core::safetensors::save(&changed, &file).unwrap();
        let error = deltaw::model::one_line(&load_dir(dir.path(), &Device::Cpu).unwrap_err());
        assert!(error.contains(part) || error.contains("number"), "{lie}: {error}");
    }
}

/// Minimises a quadratic; the last loss over the first.
fn descend(make: impl Fn(&[(String, Var)]) -> Box<dyn Optimizer>) -> (f64, usize) {
    let variable = Var::from_tensor(&Tensor::ones((64, 96), DType::F32, &Device::Cpu).unwrap()).unwrap();
    // Of rank 4, and the same in every run.
    let wave =
        |count: f32, step: f64| (Tensor::arange(0f32, count, &Device::Cpu).unwrap() * step).unwrap().sin().unwrap();
    let (left, right) = (wave(256.0, 1.7).reshape((64, 4)).unwrap(), wave(384.0, 2.3).reshape((4, 96)).unwrap());
    let target = left.matmul(&right).unwrap();
    let named = [("w".to_owned(), variable.clone())];
    let mut optimizer = make(&named);
    let loss = || (variable.as_tensor() - &target).unwrap().sqr().unwrap().mean_all().unwrap();
    let first = f64::from(loss().to_scalar::<f32>().unwrap());
    for _ in 0..200 {
        optimizer.step(&loss().backward().unwrap()).unwrap();
    }
    (f64::from(loss().to_scalar::<f32>().unwrap()) / first, optimizer.state_bytes())
}

#[test]
fn every_optimiser_descends_and_says_what_state_it_keeps() {
    let hyper = Hyper { learning_rate: 0.05, weight_decay: 0.0, ..Hyper::default() };
    let groups = |named: &[(String, Var)]| Groups::from(vec![named[0].1.clone()]);
    let entries = 64 * 96;
    let (loss, bytes) = descend(|named| Box::new(AdamW::new(groups(named), hyper).unwrap()));
    assert!(loss < 0.05 && bytes == 8 * entries, "{loss} {bytes}");
    let (loss, bytes) = descend(|named| Box::new(AdamW8bit::new(groups(named), hyper, 0).unwrap()));
    assert!(loss < 0.1 && bytes == 2 * entries + 2 * 4 * entries / 256, "{loss} {bytes}");
    let (loss, bytes) = descend(|named| Box::new(PagedAdamW::new(&groups(named), hyper, 0).unwrap()));
    assert!(loss < 0.05 && bytes == 8 * entries, "{loss} {bytes}");
    let projection = galore::Projection { rank: 8, every: 20, scale: 1.0 };
    let (loss, bytes) = descend(|named| Box::new(GaLore::new(named, hyper, projection, |_| true)));
    // 64 < 96: the basis is (64, 8), the moments (8, 96).
    assert!(loss < 0.2 && bytes == 4 * (64 * 8 + 2 * 8 * 96), "{loss} {bytes}");
}
