#![allow(clippy::unwrap_used)]

use candle_core::Device;

use super::*;
use crate::{
    model::{Projection, Shut, tokens},
    peft::Targets,
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
        max_position_embeddings: None,
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
    let config = Config { rank: 3, alpha: 6.0, targets: Targets::AllLinear, init, seed: 5, ..Config::default() };
    Lora::new(base, config).unwrap()
}

#[test]
fn a_fresh_adapter_is_the_base_to_the_last_bit() {
    let (base, batch) = (base(), batch());
    let logits =
        |doors: &dyn Doors| base.forward(&batch.ids, doors).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
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
    assert!(lora.factors().values().all(|factors| factors.scale() == 2.0));
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
        let config = Config { rank, targets: [Projection::Q].into(), ..Config::default() };
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

#[test]
fn a_merge_that_overflows_is_refused() {
    let base = base();
    let mut factors = adapter(&base, Init::BothRandom).factors().clone();
    factors.values_mut().for_each(|factors| factors.alpha = 1e300);
    let lora = Lora::from_factors(factors, Dropout::new(0.0, 0).unwrap()).unwrap();
    let error = crate::peft::merge(&base, &lora).unwrap_err().to_string();
    assert!(error.contains("not finite"), "{error}");
}
