//! What theory promises of every method, over random shapes: a fresh adapter changes nothing, ΔW has rank r at most, merging is invisible and
//! can be undone, gradients agree with finite differences.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{bases, bottleneck_config, disturb, gap, logits, lora_config, loss, mergeable, others, size};
use deltaw::{
    linalg::{singular_values, to_array},
    model::{Projection, Shut},
    peft::{
        Dora, Lora, Mergeable as _, Method, Switch,
        bottleneck::Activation,
        compose::{Combination, combine, rerank},
        houlsby, merge, olora, pissa,
    },
};
use proptest::prelude::*;

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
                let slopes = [3e-3, 1e-3, 3e-4, 1e-4].map(slope);
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
