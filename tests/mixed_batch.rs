//! A mixed batch computes, row by row, what each adapter computes alone.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use candle_core::{Device, Tensor};
use common::{bases, disturb, gap, lora_config, size};
use deltaw::{
    model::{Decoder, Projection, Shut},
    peft::{Lora, Targets, lora},
    serve::{Batch, Packed, page::PagePool},
};
use proptest::prelude::*;

/// Adapters of different ranks, targets, scales; every third is an rsLoRA.
fn adapters(base: &Decoder, ranks: &[usize]) -> Vec<Lora> {
    let targets = [
        Targets::AllLinear,
        Targets::from([Projection::Q, Projection::V]),
        Targets::from([Projection::K, Projection::Gate, Projection::Down]),
    ];
    let one = |(number, rank): (usize, &usize)| {
        let config = lora::Config {
            targets: targets[number % 3].clone(),
            rank_stabilised: number % 3 == 2,
            alpha: 1.0 + number as f64,
            ..lora_config(*rank, number as u64)
        };
        let lora = Lora::new(base, config).unwrap();
        disturb(&lora);
        lora
    };
    ranks.iter().enumerate().map(one).collect()
}

fn packed(lora: &Lora, base: &Decoder) -> Arc<Packed> {
    let longest = base.config().intermediate_size.max(base.config().hidden_size);
    Packed::new(lora, &PagePool::new(1 << 22, 2 * longest)).unwrap().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_its_own_adapter(
        base in bases(), ranks in prop::collection::vec(1usize..7, 1..6), mix in prop::collection::vec(0usize..9, 1..14),
        tokens in 1usize..6, quantised in any::<bool>(), seed in 0u32..1000,
    ) {
        let base = if quantised { base.quantised(false).unwrap() } else { base };
        let loras = adapters(&base, &ranks);
        let packs: Vec<_> = loras.iter().map(|lora| packed(lora, &base)).collect();
        // Numbers beyond the adapters are rows without one.
        let choice = |number: &usize| (*number < loras.len()).then_some(*number);
        let batch = Batch::new(mix.iter().map(|number| (tokens, choice(number).map(|index| Arc::clone(&packs[index])))));
        let ids: Vec<u32> = (0..(mix.len() * tokens) as u32).map(|place| (seed + 7 * place * place) % 30).collect();
        let ids = Tensor::from_vec(ids, (mix.len(), tokens), &Device::Cpu).unwrap();
        let together = base.forward(&ids, &batch).unwrap();
        for (row, number) in mix.iter().enumerate() {
            let own = ids.narrow(0, row, 1).unwrap();
            let alone = match choice(number) {
                Some(index) => base.forward(&own, &loras[index]).unwrap(),
                None => base.forward(&own, &Shut).unwrap(),
            };
            let scale = size(&alone).max(1.0);
            prop_assert!(gap(&together.narrow(0, row, 1).unwrap(), &alone) < 2e-5 * scale, "row {row}");
        }
    }
}

#[test]
fn a_batch_for_other_rows_is_refused_and_too_few_pages_give_none() {
    let base = common::base();
    let lora = Lora::new(&base, lora_config(3, 1)).unwrap();
    let batch = Batch::new([(2, Some(packed(&lora, &base)))]);
    let ids = Tensor::new(&[[1u32, 2, 3]], &Device::Cpu).unwrap();
    assert!(base.forward(&ids, &batch).unwrap_err().to_string().contains("2 tokens; 3 came"));
    assert!(Packed::new(&lora, &PagePool::new(4 * 24, 24)).unwrap().is_none());
    assert!(Packed::new(&lora, &PagePool::new(1 << 20, 8)).unwrap_err().to_string().contains("page"));
}
