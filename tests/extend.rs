//! Inference with a cache computes what the forward pass of training computes.
#![allow(clippy::unwrap_used)]

mod common;

use candle_core::{Device, Tensor};
use common::{base, bases, disturb, gap, mergeable, others};
use deltaw::model::{Config, Decoder, Doors, KeyValues as _, KvCache, Shut, Span};
use proptest::prelude::*;

/// Logits of the last position by the path that trains.
fn full(base: &Decoder, ids: &[u32], doors: &dyn Doors) -> Tensor {
    let logits = base.forward(&Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap(), doors).unwrap();
    logits.narrow(1, logits.dim(1).unwrap() - 1, 1).unwrap().squeeze(0).unwrap()
}

/// Extends all `texts` together, cut into pieces of `piece` tokens, and compares each step with the forward pass.
fn compare(base: &Decoder, texts: &[Vec<u32>], piece: usize, doors: &dyn Doors, what: &str) {
    let mut caches: Vec<KvCache> = texts.iter().map(|_| KvCache::new(base.config())).collect();
    for start in (0..).step_by(piece) {
        // Sequences that have ended drop out; the others go on, so that positions are ragged.
        let going: Vec<usize> = (0..texts.len()).filter(|i| texts[*i].len() > start).collect();
        if going.is_empty() {
            break;
        }
        let end = |i: usize| texts[i].len().min(start + piece);
        let mut spans: Vec<Span<'_>> = caches
            .iter_mut()
            .enumerate()
            .filter(|(i, _)| going.contains(i))
            .map(|(i, cache)| Span { ids: &texts[i][start..end(i)], cache })
            .collect();
        let logits = base.extend(&mut spans, doors).unwrap();
        assert_eq!(logits.dims(), [going.len(), base.config().vocab_size]);
        for (row, i) in going.iter().enumerate() {
            let reference = full(base, &texts[*i][..end(*i)], doors);
            let scale = common::size(&reference).max(1.0);
            let gap = gap(&logits.narrow(0, row, 1).unwrap(), &reference);
            assert!(gap < 2e-5 * scale, "{what}: text {i} up to {}: {gap} of {scale}", end(*i));
        }
    }
}

fn texts() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0u32..30, 1..9), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn extending_is_the_forward_pass_for_every_method((base, texts, piece) in (bases(), texts(), 1usize..5)) {
        compare(&base, &texts, piece, &Shut, "base");
        for (name, method) in mergeable(&base, 2, 1) {
            disturb(method.as_ref());
            compare(&base, &texts, piece, method.as_ref(), name);
        }
        for (name, method) in others(&base) {
            disturb(method.as_ref());
            compare(&base, &texts, piece, method.as_ref(), name);
        }
    }
}

#[test]
fn a_cache_grows_past_its_first_room_and_four_bits_extend_too() {
    let base = base().quantised(true).unwrap();
    let text: Vec<u32> = (0..150).map(|i| i % 30).collect();
    compare(&base, &[text[..70].to_vec(), text], 50, &Shut, "long");
}

#[test]
fn an_empty_span_and_one_past_the_context_are_errors_that_leave_the_cache() {
    let plain = base();
    let config = Config { max_position_embeddings: Some(4), ..plain.config().clone() };
    let base = Decoder::new(config, &plain.tensors()).unwrap();
    let mut cache = KvCache::new(base.config());
    let mut extend = |ids: &[u32]| {
        let result = base.extend(&mut [Span { ids, cache: &mut cache }], &Shut);
        (result.map_err(|error| error.to_string()), cache.len())
    };
    assert!(extend(&[]).0.is_err());
    assert_eq!(extend(&[1, 2, 3]).1, 3);
    let (error, len) = extend(&[4, 5]);
    assert!(error.unwrap_err().contains("context of 4"));
    assert_eq!(len, 3);
    // Outside the vocabulary.
    assert!(extend(&[9999]).0.is_err());
    let (logits, len) = extend(&[4]);
    assert_eq!(len, 4);
    let gap = gap(&logits.unwrap(), &full(&base, &[1, 2, 3, 4], &Shut));
    assert!(gap < 1e-4, "{gap}");
}

#[test]
fn no_gradient_flows_and_no_graph_is_kept() {
    let base = base();
    let (_, method) = mergeable(&base, 2, 1).remove(0);
    disturb(method.as_ref());
    let mut cache = KvCache::new(base.config());
    let logits = base.extend(&mut [Span { ids: &[1, 2], cache: &mut cache }], method.as_ref()).unwrap();
    assert!(!logits.track_op());
}
