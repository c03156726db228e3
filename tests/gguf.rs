//! GGUF files made here: every form of weight, llama.cpp's order of rows, and what hostile files may not do.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use candle_core::{
    Device, Tensor, Var,
    quantized::{
        GgmlDType, QTensor,
        gguf_file::{self, Value},
    },
};
use common::gap;
use deltaw::{
    model::{Base, Config, Decoder, Options, Shut, Weight},
    train::fresh,
};
use proptest::prelude::*;

/// Sizes at which every block type fits: rows of 256.
fn config(tied: bool) -> Config {
    Config {
        hidden_size: 256,
        intermediate_size: 256,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: None,
        vocab_size: 8,
        max_position_embeddings: Some(128),
        rope_theta: 5000.0,
        rms_norm_eps: 1e-5,
        tie_word_embeddings: tied,
    }
}

/// Rows of a query or key projection as llama.cpp's converter leaves them: `permute` in `convert_hf_to_gguf.py`.
fn permuted(weight: &Tensor, heads: usize) -> Tensor {
    let (out, width) = weight.dims2().unwrap();
    let split = weight.reshape((heads, 2, out / heads / 2, width)).unwrap();
    split.transpose(1, 2).unwrap().contiguous().unwrap().reshape((out, width)).unwrap()
}

/// llama.cpp's name of a tensor.
fn renamed(name: &str) -> String {
    let name = name.replace("model.layers.", "blk.").replace(".self_attn", "").replace(".mlp", "");
    [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("q_proj", "attn_q"),
        ("k_proj", "attn_k"),
        ("v_proj", "attn_v"),
        ("o_proj", "attn_output"),
        ("gate_proj", "ffn_gate"),
        ("up_proj", "ffn_up"),
        ("down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ]
    .iter()
    .fold(name, |name, (from, to)| name.replace(from, to))
}

/// The header's values for a model of these sizes.
fn values(config: &Config) -> BTreeMap<&'static str, Value> {
    let texts = |texts: &[&str]| Value::Array(texts.iter().map(|text| Value::String((*text).to_owned())).collect());
    let kinds = [3, 3, 1, 1, 1, 1, 1, 1].map(Value::I32).to_vec();
    BTreeMap::from([
        ("general.architecture", Value::String("llama".to_owned())),
        ("llama.block_count", Value::U32(config.num_hidden_layers as u32)),
        ("llama.context_length", Value::U32(128)),
        ("llama.embedding_length", Value::U32(config.hidden_size as u32)),
        ("llama.feed_forward_length", Value::U32(config.intermediate_size as u32)),
        ("llama.attention.head_count", Value::U32(4)),
        ("llama.attention.head_count_kv", Value::U32(2)),
        ("llama.rope.freq_base", Value::F32(5000.0)),
        ("llama.rope.dimension_count", Value::U32(64)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("tokenizer.ggml.model", Value::String("gpt2".to_owned())),
        ("tokenizer.ggml.pre", Value::String("smollm".to_owned())),
        ("tokenizer.ggml.tokens", texts(&["<s>", "</s>", "a", "b", "Ġ", "ab", "1", "ĠĠ"])),
        ("tokenizer.ggml.token_type", Value::Array(kinds)),
        ("tokenizer.ggml.merges", texts(&["a b", "Ġ Ġ"])),
        ("tokenizer.ggml.bos_token_id", Value::U32(0)),
        ("tokenizer.ggml.eos_token_id", Value::U32(1)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(true)),
        (
            "tokenizer.chat_template",
            Value::String("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}".to_owned()),
        ),
    ])
}

/// The bytes of a file of `model`, its matrices in `dtype`.
fn bytes(model: &Decoder, dtype: GgmlDType, values: &BTreeMap<&'static str, Value>) -> Vec<u8> {
    let tensors: Vec<(String, QTensor)> = model
        .tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let tensor = match name.as_str() {
                _ if name.contains("q_proj") => permuted(&tensor, 4),
                _ if name.contains("k_proj") => permuted(&tensor, 2),
                _ => tensor,
            };
            let dtype = if tensor.rank() == 2 { dtype } else { GgmlDType::F32 };
            (renamed(&name), QTensor::quantize(&tensor, dtype).unwrap())
        })
        .collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let values: Vec<(&str, &Value)> = values.iter().map(|(name, value)| (*name, value)).collect();
    let mut file = Cursor::new(Vec::new());
    gguf_file::write(&mut file, &values, &tensors).unwrap();
    file.into_inner()
}

fn model(tied: bool) -> Decoder {
    fresh(&config(tied), 3, &Device::Cpu).unwrap()
}

fn written(dir: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let file = dir.path().join("model.gguf");
    fs::write(&file, bytes).unwrap();
    file
}

fn open(file: &Path, kept: bool) -> Result<Base, String> {
    let options = Options { kept, offline: true, ..Options::default() };
    Base::open(file.to_str().unwrap(), &options, &Device::Cpu).map_err(|error| error.to_string())
}

fn logits(model: &Decoder) -> Tensor {
    let ids = Tensor::new(&[[2u32, 5, 4, 6, 3, 7]], &Device::Cpu).unwrap();
    model.forward(&ids, &Shut).unwrap()
}

#[test]
fn in_f32_it_is_the_model_that_was_written_tied_or_not() {
    let dir = tempfile::tempdir().unwrap();
    for tied in [true, false] {
        let model = model(tied);
        let base = open(&written(&dir, &bytes(&model, GgmlDType::F32, &values(&config(tied)))), false).unwrap();
        assert_eq!(base.model.config(), &config(tied));
        assert_eq!(gap(&logits(&base.model), &logits(&model)), 0.0);
        assert_eq!(base.context(), 128);
    }
}

#[test]
fn every_quantisation_is_read_dequantised_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let model = model(true);
    let exact = logits(&model);
    for dtype in [
        GgmlDType::F16,
        GgmlDType::BF16,
        GgmlDType::Q4_0,
        GgmlDType::Q4_1,
        GgmlDType::Q5_0,
        GgmlDType::Q5_1,
        GgmlDType::Q8_0,
        GgmlDType::Q2K,
        GgmlDType::Q3K,
        GgmlDType::Q4K,
        GgmlDType::Q5K,
        GgmlDType::Q6K,
    ] {
        let file = written(&dir, &bytes(&model, dtype, &values(&config(true))));
        let (dense, kept) = (open(&file, false).unwrap().model, open(&file, true).unwrap().model);
        let scale = common::size(&exact);
        // Quantising moves the logits; keeping the blocks moves them no further.
        let (lost, apart) = (gap(&logits(&dense), &exact) / scale, gap(&logits(&kept), &logits(&dense)) / scale);
        assert!(lost > 0.0 && lost < 1.0, "{dtype:?}: {lost}");
        assert!(apart < 1e-5, "{dtype:?}: {apart}");
        let quantised = !matches!(dtype, GgmlDType::F16 | GgmlDType::BF16);
        let stored =
            |model: &Decoder| model.weights().values().filter(|weight| matches!(weight, Weight::Stored(_))).count();
        assert_eq!((stored(&dense), stored(&kept)), (0, if quantised { 14 } else { 0 }), "{dtype:?}");
        assert_eq!(kept.parameter_count(), model.parameter_count());
    }
}

#[test]
fn an_adapter_trains_on_kept_blocks_as_on_their_dense_form() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(&dir, &bytes(&model(true), GgmlDType::Q8_0, &values(&config(true))));
    let (dense, kept) = (open(&file, false).unwrap().model, open(&file, true).unwrap().model);
    let lora = common::mergeable(&dense, 2, 1).remove(0).1;
    common::disturb(lora.as_ref());
    let grads = |base: &Decoder| {
        let ids = Tensor::new(&[[2u32, 5, 4, 6, 3, 7]], &Device::Cpu).unwrap();
        let loss = base.forward(&ids, lora.as_ref()).unwrap().sqr().unwrap().sum_all().unwrap();
        let grads = loss.backward().unwrap();
        let grad = |(name, variable): (String, Var)| (name, grads.get(variable.as_tensor()).unwrap().clone());
        lora.named_variables().into_iter().map(grad).collect::<Vec<_>>()
    };
    let (dense, kept) = (grads(&dense), grads(&kept));
    let square = |tensor: &Tensor| tensor.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
    let (mut off, mut all) = (0.0, 0.0);
    for ((name, dense), (_, kept)) in dense.iter().zip(&kept) {
        assert!(square(kept) > 0.0, "{name}");
        off += square(&(dense - kept).unwrap());
        all += square(dense);
    }
    let relative = (off / all).sqrt();
    assert!(relative < 1e-4, "the gradients are {relative} apart, relative to their length");
}

#[test]
fn the_tokenizer_and_the_chat_template_are_the_files_own() {
    let dir = tempfile::tempdir().unwrap();
    let base = open(&written(&dir, &bytes(&model(true), GgmlDType::F32, &values(&config(true)))), false).unwrap();
    assert_eq!(base.tokenizer.encode("ab  1").unwrap(), [0, 5, 7, 6]);
    assert_eq!(base.tokenizer.encode_bare("ab 1</s>").unwrap(), [5, 4, 6, 1]);
    assert_eq!(base.tokenizer.decode(&[0, 5, 7, 6, 1]).unwrap(), "ab  1");
    assert_eq!(base.tokenizer.ends(), [1]);
    let messages = [deltaw::model::Message::new("user", "ab")];
    assert_eq!(base.chat.unwrap().render(&messages, false).unwrap(), "<s>ab</s>");
}

#[test]
fn a_base_is_saved_as_a_directory_and_opened_again() {
    let (file, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stored = open(&written(&file, &bytes(&model(true), GgmlDType::Q8_0, &values(&config(true)))), true).unwrap();
    for base in [stored, Base::tiny(&Device::Cpu).unwrap()] {
        base.save(dir.path()).unwrap();
        let again = open(dir.path(), false).unwrap();
        assert!(gap(&logits(&again.model), &logits(&base.model)) < 1e-5);
        assert_eq!(again.model.config(), base.model.config());
        assert_eq!(again.tokenizer.ends(), base.tokenizer.ends());
        assert_eq!(again.tokenizer.encode("ab  1").unwrap(), base.tokenizer.encode("ab  1").unwrap());
        let messages = [deltaw::model::Message::new("user", "ab")];
        let chat = |base: &Base| base.chat.as_ref().map(|chat| chat.render(&messages, false).unwrap());
        assert_eq!(chat(&again), chat(&base));
    }
}

#[test]
fn what_the_decoder_has_not_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let plain = values(&config(true));
    let text = |text: &str| Value::String(text.to_owned());
    for (key, value, expected) in [
        ("general.architecture", text("qwen2"), "qwen2"),
        ("llama.expert_count", Value::U32(8), "expert_count"),
        ("llama.rope.scaling.factor", Value::F32(8.0), "rope.scaling.factor"),
        ("llama.rope.dimension_count", Value::U32(32), "32 of the 64"),
        ("llama.embedding_length", Value::U32(u32::MAX), "hidden_size"),
        ("llama.feed_forward_length", Value::U32(512), "ffn_gate.weight"),
        ("llama.block_count", Value::U32(3), "blk.2."),
        ("llama.block_count", Value::U32(1), "blk.1."),
        ("llama.attention.head_count", text("four"), "head_count"),
        ("tokenizer.ggml.model", text("llama"), "byte-level BPE"),
        ("tokenizer.ggml.pre", text("martian"), "martian"),
        ("tokenizer.ggml.eos_token_id", Value::U32(99), "end token 99"),
        ("tokenizer.ggml.merges", Value::Array(vec![text("ab")]), "merges nothing"),
        ("tokenizer.chat_template", text("{% if"), "chat template"),
        ("general.alignment", Value::U32(0), "alignment"),
    ] {
        let mut changed = plain.clone();
        changed.insert(key, value);
        let error = open(&written(&dir, &bytes(&model(true), GgmlDType::F32, &changed)), false).unwrap_err();
        assert!(error.contains(expected) && error.contains("model.gguf"), "{key}: {error}");
    }
}

#[test]
fn a_truncated_file_is_an_error_wherever_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let whole = bytes(&model(true), GgmlDType::Q8_0, &values(&config(true)));
    for end in (0..4000).step_by(37).chain((4000..whole.len()).step_by(60_000)).chain([whole.len() - 40]) {
        assert!(open(&written(&dir, &whole[..end]), false).is_err(), "{end} of {}", whole.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_header_never_panics(changes in prop::collection::vec((0usize..4000, any::<u8>()), 1..6)) {
        static WHOLE: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| bytes(&model(true), GgmlDType::Q4_0, &values(&config(true))));
        let dir = tempfile::tempdir().unwrap();
        let mut damaged = WHOLE.clone();
        for (place, byte) in changes {
            damaged[place] = byte;
        }
        // It may still be a model; what counts is that this returns.
        let _ = open(&written(&dir, &damaged), false);
    }
}
