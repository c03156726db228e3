//! Every method that reads PEFT's files against PEFT: logits unmerged and merged, and the gradients' reach.
//!
//! The cases under `tests/data/goldens` were computed by PEFT 0.21.2 (see each `case.json`); tolerances are theirs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use candle_core::{DType, Device, Tensor};
use deltaw::{
    model::{Decoder, Doors, Shut, load_dir},
    peft::{hub, merge},
};
use serde_json::Value;

const MERGEABLE: [&str; 7] =
    ["lora_qv", "lora_all_linear", "lora_patterns", "rslora", "dora_all_linear", "vera", "ia3"];

const FORWARD_ONLY: [&str; 2] = ["prefix_tuning", "prompt_tuning"];

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens")
}

fn base() -> Decoder {
    load_dir(&goldens().join("base"), &Device::Cpu).unwrap()
}

struct Case {
    io: HashMap<String, Tensor>,
    about: Value,
    adapter: hub::Adapter,
}

fn open(name: &str, base: &Decoder) -> Case {
    let dir = goldens().join(name);
    Case {
        io: candle_core::safetensors::load(dir.join("io.safetensors"), &Device::Cpu).unwrap(),
        about: serde_json::from_slice(&fs::read(dir.join("case.json")).unwrap()).unwrap(),
        adapter: hub::load(&dir.join("adapter"), base).unwrap_or_else(|error| panic!("{name}: {error}")),
    }
}

fn logits(model: &Decoder, case: &Case, doors: &dyn Doors) -> Tensor {
    model.forward(&case.io["input_ids"].to_dtype(DType::U32).unwrap(), doors).unwrap()
}

fn compare(name: &str, ours: &Tensor, case: &Case, key: &str, tolerance: &str) {
    let gap = (ours - &case.io[key]).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let allowed = case.about["tolerance"][tolerance].as_f64().unwrap();
    println!("{name} {key}: largest difference {gap:e}, tolerance {allowed:e}");
    assert!(f64::from(gap) <= allowed, "{name} {key}: {gap} > {allowed}");
}

#[test]
fn logits_are_those_of_peft() {
    let base = base();
    for name in MERGEABLE.into_iter().chain(FORWARD_ONLY) {
        let case = open(name, &base);
        let ours = logits(&base, &case, case.adapter.doors());
        compare(name, &ours, &case, "logits", "logits_abs");
        // The adapter does something: against the base alone the same comparison fails by far.
        if name != "prompt_tuning" {
            let bare = (logits(&base, &case, &Shut) - &case.io["logits"]).unwrap().abs().unwrap();
            assert!(bare.max_all().unwrap().to_scalar::<f32>().unwrap() > 0.2, "{name}");
        }
    }
}

#[test]
fn merged_models_are_those_of_peft() {
    let base = base();
    for name in MERGEABLE {
        let case = open(name, &base);
        let merged = merge(&base, case.adapter.mergeable().unwrap()).unwrap();
        compare(name, &logits(&merged, &case, &Shut), &case, "merged_logits", "merged_logits_abs");
    }
    for name in FORWARD_ONLY {
        assert!(open(name, &base).adapter.mergeable().is_none());
    }
}

#[test]
fn every_trained_tensor_gets_a_finite_gradient_and_no_frozen_one_does() {
    let base = base();
    for name in MERGEABLE.into_iter().chain(FORWARD_ONLY) {
        let case = open(name, &base);
        let grads = logits(&base, &case, case.adapter.doors()).sqr().unwrap().mean_all().unwrap().backward().unwrap();
        for variable in case.adapter.variables() {
            let grad = grads.get(variable.as_tensor()).unwrap_or_else(|| panic!("{name}: a tensor has no gradient"));
            let size = grad.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(size.is_finite() && size > 0.0, "{name}: {size}");
        }
        assert!(base.tensors().values().all(|weight| grads.get(weight).is_none()), "{name}");
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let base = base();
    let refused = |change: &dyn Fn(&mut Value), part: &str| {
        let dir = tempfile::tempdir().unwrap();
        let from = goldens().join("lora_qv/adapter");
        let mut config: Value = serde_json::from_slice(&fs::read(from.join("adapter_config.json")).unwrap()).unwrap();
        change(&mut config);
        fs::write(dir.path().join("adapter_config.json"), config.to_string()).unwrap();
        fs::copy(from.join("adapter_model.safetensors"), dir.path().join("adapter_model.safetensors")).unwrap();
        let error = hub::load(dir.path(), &base).err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(&|c| c["fan_in_fan_out"] = true.into(), "option `fan_in_fan_out` is not supported");
    refused(&|c| c["bias"] = "all".into(), "option `bias` is not supported");
    refused(&|c| c["something_new"] = 3.into(), "option `something_new` is not supported");
    refused(&|c| c["peft_type"] = "LOHA".into(), "peft_type `LOHA` is not supported");
    refused(&|c| c["r"] = 5.into(), "has shape");
    refused(&|c| c["rank_pattern"] = serde_json::json!({".*q.*": 4}), "regular expression");
}

#[test]
fn broken_files_are_one_error() {
    let base = base();
    let from = goldens().join("lora_qv/adapter");
    let bytes = fs::read(from.join("adapter_model.safetensors")).unwrap();
    let lying = [&u64::MAX.to_le_bytes()[..], &bytes[8..]].concat();
    for broken in [&bytes[..bytes.len() / 2], &bytes[..4], &lying, b""] {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(from.join("adapter_config.json"), dir.path().join("adapter_config.json")).unwrap();
        fs::write(dir.path().join("adapter_model.safetensors"), broken).unwrap();
        assert!(hub::load(dir.path(), &base).is_err());
    }
}
