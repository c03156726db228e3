//! The decoder against transformers: logits of a random LlamaForCausalLM in Hugging Face format.
//!
//! `tests/data/goldens/base` was written by transformers 5.23.0 on torch 2.15.0 (see its `case.json`).
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use candle_core::Device;
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
