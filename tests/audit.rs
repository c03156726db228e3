//! The audit finds what is planted, and nothing in adapters that are as they should be.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use deltaw::{
    analysis::audit::{Finding, Severity, audit},
    model::{load_dir, read_dense},
    peft::{hub, merge},
};
use serde_json::{Value, json};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens")
}

type Tensors = HashMap<String, Tensor>;

/// Findings on a changed copy of the adapter of a case.
fn planted(case: &str, config: &dyn Fn(&mut Value), change: &dyn Fn(Tensors) -> Tensors) -> Vec<Finding> {
    let dir = tempfile::tempdir().unwrap();
    let from = goldens().join(case).join("adapter");
    let mut value: Value = serde_json::from_slice(&fs::read(from.join(hub::CONFIG)).unwrap()).unwrap();
    config(&mut value);
    fs::write(dir.path().join(hub::CONFIG), value.to_string()).unwrap();
    let tensors = candle_core::safetensors::load(from.join(hub::TENSORS), &Device::Cpu).unwrap();
    candle_core::safetensors::save(&change(tensors), dir.path().join(hub::TENSORS)).unwrap();
    let base = load_dir(&goldens().join("base"), &Device::Cpu).unwrap().tensors();
    audit(dir.path(), Some(&base), None).unwrap()
}

fn tensors(change: &dyn Fn(Tensors) -> Tensors) -> Vec<Finding> {
    planted("lora_qv", &|_| {}, change)
}

fn each(tensors: Tensors, change: impl Fn(String, Tensor) -> (String, Tensor)) -> Tensors {
    tensors.into_iter().map(|(name, tensor)| change(name, tensor)).collect()
}

#[track_caller]
fn finds(findings: &[Finding], severity: Severity, part: &str) {
    let found = findings.iter().any(|finding| finding.severity == severity && finding.what.contains(part));
    assert!(found, "no {severity:?} with `{part}` in {findings:#?}");
}

#[test]
fn adapters_of_the_library_are_clean() {
    for case in [
        "lora_qv",
        "lora_all_linear",
        "lora_patterns",
        "lora_bias",
        "rslora",
        "dora_all_linear",
        "vera",
        "ia3",
        "prompt_tuning",
    ] {
        let findings = planted(case, &|_| {}, &|tensors| tensors);
        assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{case}: {findings:#?}");
    }
}

#[test]
fn wrong_names_are_found() {
    let named = tensors(&|all| each(all, |name, t| (name.replace(".weight", ".default.weight"), t)));
    finds(&named, Severity::Error, "with the adapter's name inside the key");
    let bare = tensors(&|all| each(all, |name, t| (name.replace("base_model.model.", ""), t)));
    finds(&bare, Severity::Warning, "without the prefix");
    let foreign =
        tensors(&|all| each(all, |name, t| (name.replace("lora_A", "lora_down").replace("lora_B", "lora_up"), t)));
    finds(&foreign, Severity::Error, "another trainer");
    finds(&foreign, Severity::Error, "no module has both");
    let lower = tensors(&|all| each(all, |name, t| (name.replace("lora_A", "lora_a").replace("lora_B", "lora_b"), t)));
    finds(&lower, Severity::Error, "lower case");
    let half = tensors(&|all| all.into_iter().filter(|(name, _)| !name.contains("q_proj.lora_B")).collect());
    finds(&half, Severity::Error, "but no `lora_B.weight`");
    let head = tensors(&|all| each(all, |name, t| (name.replace("layers.0.self_attn.q_proj", "lm_head"), t)));
    finds(&head, Severity::Warning, "embeddings or the output head");
    let odd = tensors(&|all| each(all, |name, t| (name.replace("q_proj.lora_A.weight", "q_proj.lora_Z"), t)));
    finds(&odd, Severity::Warning, "ending that PEFT does not write");
}

#[test]
fn wrong_tensors_are_found() {
    let turned = tensors(&|all| each(all, |name, t| (name, t.t().unwrap().contiguous().unwrap())));
    finds(&turned, Severity::Error, "with A stored (in, r)");
    let zero = |part: &'static str| {
        tensors(&move |all| {
            each(all, |name, t| if name.contains(part) { (name, t.zeros_like().unwrap()) } else { (name, t) })
        })
    };
    finds(&zero("lora_B"), Severity::Error, "whose B is all zeros");
    finds(&zero("q_proj.lora_B"), Severity::Warning, "whose B is all zeros");
    finds(&zero("v_proj.lora_A"), Severity::Warning, "whose A is all zeros");
    let nan = tensors(&|all| each(all, |name, t| (name, (t / 0.0).unwrap())));
    finds(&nan, Severity::Error, "NaN or infinity");
    let collapsed = tensors(&|all| {
        each(all, |name, t| match name.contains("lora_A") {
            true => (name, t.narrow(0, 0, 1).unwrap().broadcast_as(t.shape()).unwrap().contiguous().unwrap()),
            false => (name, t),
        })
    });
    finds(&collapsed, Severity::Note, "collapsed rank");
    let other = tensors(&|all| each(all, |name, t| (name.replace("q_proj", "k_proj"), t)));
    finds(&other, Severity::Error, "that the base does not have in this shape");
}

#[test]
fn wrong_configurations_are_found() {
    let config = |change: &dyn Fn(&mut Value)| planted("lora_qv", change, &|tensors| tensors);
    finds(&config(&|c| c["r"] = 16.into()), Severity::Error, "rank is not what the configuration says");
    finds(&config(&|c| c["lora_alpha"] = 128.into()), Severity::Warning, "scale 32 = α/r");
    finds(&config(&|c| c["modules_to_save"] = json!(["lm_head"])), Severity::Warning, "`modules_to_save`");
}

#[test]
fn the_scale_of_a_merge_is_recognised() {
    let base = load_dir(&goldens().join("base"), &Device::Cpu).unwrap();
    let dir = goldens().join("lora_all_linear/adapter"); // r = 8, α = 16
    let hub::Adapter::Lora(lora) = hub::load(&dir, &base).unwrap() else { panic!() };
    let with_scale = |scale: f64| -> BTreeMap<String, Tensor> {
        let mut factors = lora.factors().clone();
        for factors in factors.values_mut() {
            factors.alpha = scale * 8.0;
        }
        let changed = deltaw::peft::Lora::from_factors(factors, deltaw::peft::Dropout::new(0.0, 0).unwrap()).unwrap();
        merge(&base, &changed).unwrap().model.tensors()
    };
    let found = |merged: &BTreeMap<String, Tensor>| audit(&dir, Some(&base.tensors()), Some(merged)).unwrap();
    finds(&found(&with_scale(2.0)), Severity::Note, "14 modules were merged with the stated scale α/r");
    finds(&found(&with_scale(16.0)), Severity::Error, "α without /r");
    finds(&found(&with_scale(16.0 / 8f64.sqrt())), Severity::Error, "α/√r");
    finds(&found(&with_scale(1.0)), Severity::Error, "no scale at all");
    finds(&found(&with_scale(3.3)), Severity::Error, "an unknown scale: measured 3.3");
    finds(&found(&base.tensors()), Severity::Error, "nothing: the update is not in it");
    let noise = base.tensors().into_iter().map(|(name, tensor)| {
        let noise = tensor.randn_like(0.0, 1.0).unwrap();
        (name, (tensor + noise).unwrap())
    });
    finds(&found(&noise.collect()), Severity::Error, "no multiple of BA");
}

#[test]
fn what_never_left_its_start_is_found_in_every_method() {
    let constant = |ending: &'static str, value: f64| {
        move |all: Tensors| -> Tensors {
            each(all, |name, t| {
                let t = if name.ends_with(ending) { ((t.zeros_like().unwrap()) + value).unwrap() } else { t };
                (name, t)
            })
        }
    };
    finds(&planted("vera", &|_| {}, &constant(".vera_lambda_b", 0.0)), Severity::Error, "b of zeros");
    finds(&planted("ia3", &|_| {}, &constant(".ia3_l", 1.0)), Severity::Error, "l of ones");
}

#[test]
fn a_dora_needs_its_magnitudes_and_they_need_a_dora() {
    let missing = planted("lora_qv", &|config| config["use_dora"] = true.into(), &|tensors| tensors);
    finds(&missing, Severity::Error, "4 of 4 modules have no magnitude");
    let ignored = planted("dora_all_linear", &|config| config["use_dora"] = false.into(), &|tensors| tensors);
    finds(&ignored, Severity::Error, "use_dora is not true");
}

#[test]
fn bottlenecks_and_four_bit_bases_are_audited_too() {
    let findings = audit(&goldens().join("houlsby/adapter"), None, None).unwrap();
    assert!(findings.len() == 1 && findings[0].what.starts_with("4 bottlenecks"), "{findings:#?}");
    let base = read_dense(&goldens().join("qlora/base_nf4_double"), &Device::Cpu).unwrap();
    let findings = audit(&goldens().join("qlora/adapter"), Some(&base), None).unwrap();
    assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{findings:#?}");
}
