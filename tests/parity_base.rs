//! The decoder against transformers: logits of a random LlamaForCausalLM in Hugging Face format.
//!
//! `tests/data/goldens/base` was written by transformers 5.23.0 on torch 2.15.0 (see its `case.json`).
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use candle_core::{DType, Device, Tensor};
use deltaw::model::{Shut, load_dir};

#[test]
fn the_decoder_gives_transformers_logits() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens/base");
    let device = Device::Cpu;
    let model = load_dir(&dir, &device).unwrap();
    let case: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("case.json")).unwrap()).unwrap();
    let io = candle_core::safetensors::load(dir.join("io.safetensors"), &device).unwrap();
    let ids = io["input_ids"].to_dtype(candle_core::DType::U32).unwrap();
    let logits = model.forward(&ids, &Shut).unwrap();
    let gap = (logits - &io["logits"]).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let tolerance = case["tolerance"]["logits_abs"].as_f64().unwrap();
    println!("largest difference {gap:e}, tolerance {tolerance:e}");
    assert!(f64::from(gap) <= tolerance, "{gap} > {tolerance}");
}

#[test]
fn a_model_with_more_than_this_decoder_computes_is_refused() {
    let device = Device::Cpu;
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens/base");
    let dir = tempfile::tempdir().unwrap();
    fs::copy(from.join("config.json"), dir.path().join("config.json")).unwrap();
    let tensors = candle_core::safetensors::load(from.join("model.safetensors"), &device).unwrap();
    let with = |name: &str| {
        let mut tensors = tensors.clone();
        tensors.insert(name.to_owned(), Tensor::zeros(64, DType::F32, &device).unwrap());
        candle_core::safetensors::save(&tensors, dir.path().join("model.safetensors")).unwrap();
        load_dir(dir.path(), &device)
    };
    let error = with("model.layers.0.self_attn.q_proj.bias").unwrap_err().to_string();
    assert!(error.contains("q_proj.bias") && error.contains("architecture"), "{error}");
    assert!(with("model.layers.0.self_attn.rotary_emb.inv_freq").is_ok());
}
