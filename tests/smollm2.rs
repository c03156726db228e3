//! SmolLM2 from its real file, held to what transformers and llama.cpp make of the same file (`xtask/smollm2/reference.py`).
//!
//! Without the file these tests print a line and pass.
#![allow(clippy::unwrap_used)]

#[path = "common/smollm2.rs"]
mod common;

use candle_core::{D, Device, Tensor};
use common::smollm2;
use deltaw::model::{Base, KvCache, Message, Shut, Span, Weight};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    prompts: Vec<Prompt>,
    passage: Passage,
    tokens: Vec<Tokens>,
    chats: Vec<Chat>,
}

#[derive(Deserialize)]
struct Prompt {
    ids: Vec<u32>,
    argmax: u32,
    logits: Vec<(usize, f32)>,
    largest: f32,
    greedy: Vec<u32>,
}

#[derive(Deserialize)]
struct Passage {
    ids: Vec<u32>,
    mean_loss: f64,
}

#[derive(Deserialize)]
struct Tokens {
    text: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Message>,
    answer: bool,
    text: String,
    ids: Vec<u32>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("data/smollm2/reference.json")).unwrap()
}

/// Logits (tokens, vocab).
fn logits(base: &Base, ids: &[u32]) -> Tensor {
    let ids = Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    base.model.forward(&ids, &Shut).unwrap().squeeze(0).unwrap()
}

fn last(base: &Base, ids: &[u32]) -> Vec<f32> {
    logits(base, ids).get(ids.len() - 1).unwrap().to_vec1().unwrap()
}

#[test]
fn logits_agree_with_transformers() {
    let Some(base) = smollm2(false) else { return };
    assert_eq!(base.context(), 8192);
    for prompt in reference().prompts {
        let ours = last(&base, &prompt.ids);
        let error = prompt.logits.iter().map(|(id, theirs)| (ours[*id] - theirs).abs()).fold(0.0, f32::max);
        println!("largest difference {error:.1e}, largest logit {:.1}", prompt.largest);
        assert!(error < 1e-4 * prompt.largest, "{error}");
        let argmax = (0..ours.len()).max_by(|a, b| ours[*a].total_cmp(&ours[*b])).unwrap();
        assert_eq!(argmax as u32, prompt.argmax);
    }
}

#[test]
fn greedy_decoding_with_the_cache_writes_what_transformers_writes() {
    let Some(base) = smollm2(false) else { return };
    for prompt in reference().prompts {
        let (mut cache, mut next, mut written) = (KvCache::new(base.model.config()), prompt.ids, Vec::<u32>::new());
        while written.len() < prompt.greedy.len() {
            let logits = base.model.extend(&mut [Span { ids: &next, cache: &mut cache }], &Shut).unwrap();
            next = logits.argmax(D::Minus1).unwrap().to_vec1().unwrap();
            written.extend(&next);
        }
        assert_eq!(written, prompt.greedy);
    }
}

#[test]
fn the_loss_on_a_passage_agrees_with_transformers() {
    let Some(base) = smollm2(false) else { return };
    let passage = reference().passage;
    let count = passage.ids.len() - 1;
    let logits = logits(&base, &passage.ids).narrow(0, 0, count).unwrap();
    let targets = Tensor::new(&passage.ids[1..], &Device::Cpu).unwrap();
    let loss = candle_nn::loss::cross_entropy(&logits, &targets).unwrap().to_scalar::<f32>().unwrap();
    println!("loss {loss}, transformers' {}", passage.mean_loss);
    assert!((f64::from(loss) - passage.mean_loss).abs() < 1e-4);
}

#[test]
fn kept_blocks_give_the_same_logits() {
    let Some(base) = smollm2(true) else { return };
    let bytes: usize = base.model.weights().values().map(Weight::bytes).sum();
    println!("{} MB", bytes / 1_000_000);
    for prompt in reference().prompts {
        let ours = last(&base, &prompt.ids);
        let error = prompt.logits.iter().map(|(id, theirs)| (ours[*id] - theirs).abs()).fold(0.0, f32::max);
        println!("largest difference {error:.1e}, largest logit {:.1}", prompt.largest);
        assert!(error < 1e-4 * prompt.largest, "{error}");
    }
}

#[test]
fn texts_become_the_tokens_of_llama_cpp_and_come_back() {
    let Some(base) = smollm2(false) else { return };
    for Tokens { text, ids } in reference().tokens {
        assert_eq!(base.tokenizer.encode(&text).unwrap(), ids, "{text:?}");
        if !text.contains("<|") {
            assert_eq!(base.tokenizer.decode(&ids).unwrap(), text);
        }
    }
    assert_eq!(base.tokenizer.ends(), [2]);
}

#[test]
fn chats_are_rendered_as_transformers_renders_them() {
    let Some(base) = smollm2(false) else { return };
    let chat = base.chat.unwrap();
    for Chat { messages, answer, text, ids } in reference().chats {
        assert_eq!(chat.render(&messages, answer).unwrap(), text);
        assert_eq!(base.tokenizer.encode_bare(&text).unwrap(), ids);
    }
}
