//! Every method against the libraries that define it: forward, merged, composed, first gradients, training traces.
//!
//! The cases under `tests/data/goldens` were computed by PEFT 0.21.2 and adapters 1.3.0 (see `README.md` there); tolerances are theirs.
//! `tests/data/goldens_tied` holds another base (tied embeddings, one key/value head) and other settings.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use candle_core::Device;
use deltaw::parity::{self, Outcome, Report};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens")
}

/// Runs all cases of a directory, of which there are `count`.
fn all_pass(dir: &Path, count: usize) {
    let base = parity::base(dir, &Device::Cpu).unwrap();
    let names = parity::cases(dir).unwrap();
    assert_eq!(names.len(), count, "{names:?}");
    for name in names {
        let report = parity::run(dir, &name, &base);
        let Outcome::Compared(checks) = &report.outcome else { panic!("{report:?}") };
        for check in checks {
            println!("{name}: {} off by {:e}, tolerance {:e}", check.what, check.absolute, check.tolerance);
        }
        assert!(report.passes(), "{report:?}");
    }
}

#[test]
fn every_case_is_at_parity() {
    all_pass(&goldens(), 42);
}

#[test]
fn another_base_and_other_settings_are_at_parity_too() {
    all_pass(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/goldens_tied"), 21);
}

/// A copy of one case (and the base) with a change.
fn changed(name: &str, change: impl Fn(&Path)) -> Report {
    let dir = tempfile::tempdir().unwrap();
    for case in ["base", name] {
        copy(&goldens().join(case), &dir.path().join(case));
    }
    change(&dir.path().join(name));
    let base = parity::base(dir.path(), &Device::Cpu).unwrap();
    parity::run(dir.path(), name, &base)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(|_| ()).unwrap() }
    }
}

fn edit(file: PathBuf, change: impl Fn(&mut serde_json::Value)) {
    let mut value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut value);
    fs::write(file, value.to_string()).unwrap();
}

#[test]
fn the_commonest_mistakes_fail_by_far() {
    let failing = |report: Report| {
        let Outcome::Compared(checks) = &report.outcome else { panic!("{report:?}") };
        assert!(checks.iter().any(|check| check.absolute > 100.0 * check.tolerance), "{report:?}");
        assert!(!report.passes());
    };
    let adapter = |dir: &Path| dir.join("adapter/adapter_config.json");
    failing(changed("rslora", |dir| edit(adapter(dir), |config| config["use_rslora"] = false.into())));
    failing(changed("lora_qv", |dir| edit(adapter(dir), |config| config["lora_alpha"] = 4.into())));
    failing(changed("dora_all_linear", |dir| {
        // Without its magnitudes a DoRA is another adapter; PEFT's key for them must be read.
        let file = dir.join("adapter/adapter_model.safetensors");
        let tensors = candle_core::safetensors::load(&file, &candle_core::Device::Cpu).unwrap();
        let doubled = tensors.into_iter().map(|(name, tensor)| {
            let scale = if name.ends_with("magnitude_vector") { 2.0 } else { 1.0 };
            (name, (tensor * scale).unwrap())
        });
        candle_core::safetensors::save(&doubled.collect(), &file).unwrap();
    }));
    failing(changed("train_lora", |dir| edit(dir.join("case.json"), |case| case["optimizer"]["lr"] = 0.05.into())));
}

#[test]
fn a_case_that_cannot_be_run_says_why_in_one_line() {
    let why = |report: Report| match report.outcome {
        Outcome::Broken(why) => why,
        other => panic!("{other:?}"),
    };
    let case = |dir: &Path| dir.join("case.json");
    let text = why(changed("lora_qv", |dir| edit(case(dir), |case| case["tolerance"] = serde_json::json!({}))));
    assert_eq!(text, "case.json has no tolerance `logits_abs`");
    let text = why(changed("lora_qv", |dir| fs::write(case(dir), "{").unwrap()));
    assert!(text.contains("case.json") && !text.contains('\n'), "{text}");
    let text = why(changed("lora_qv", |dir| fs::write(dir.join("io.safetensors"), b"12345678lies").unwrap()));
    assert!(text.contains("io.safetensors") && !text.contains('\n'), "{text}");
    let lion = |case: &mut serde_json::Value| case["optimizer"]["name"] = "Lion".into();
    let text = why(changed("train_lora", |dir| edit(case(dir), lion)));
    assert!(text.contains("Lion"), "{text}");
}
