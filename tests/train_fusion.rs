//! AdapterFusion in training: what trains, what is refused, what a resumed run insists on, and the files.
#![allow(clippy::unwrap_used)]

#[path = "common/training.rs"]
mod training;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use candle_core::{Device, Tensor};
use deltaw::{
    peft::Method as _,
    train::{Batch, Example, Kind, Recipe, Settings, Stepper, Trainee, run},
};
use training::{Keep, base, data};

#[test]
fn a_fusion_trains_its_mixers_alone_and_refuses_what_it_cannot_fuse() {
    let dir = tempfile::tempdir().unwrap();
    let data = data(32, 4);
    let saved = |method: Kind, name: &str, seed: u64| {
        let trainee = Trainee::new(base(), Recipe { seed, ..Recipe::new(method) }).unwrap();
        trainee.save(&dir.path().join(name), "tiny", None).unwrap();
        dir.path().join(name)
    };
    let fuse = vec![saved(Kind::Pfeiffer, "a.b", 1), saved(Kind::Pfeiffer, "c", 2)];
    let recipe = Recipe { fuse, ..Recipe::new(Kind::AdapterFusion) };
    let trainee = Trainee::new(base(), recipe).unwrap();
    let fusion = trainee.fused().unwrap();
    assert_eq!(fusion.name(), "a_b,c", "both are called pfeiffer, so their directories name them");
    let hidden = trainee.model().config().hidden_size;
    let layers = trainee.model().config().num_hidden_layers;
    assert_eq!(trainee.parameter_count(), layers * (3 * hidden * hidden + 2 * hidden));
    let frozen = |trainee: &Trainee| -> Vec<Vec<f32>> {
        let adapters = trainee.fused().unwrap().adapters().iter();
        adapters
            .flat_map(|adapters| adapters.named_variables())
            .map(|(_, var)| var.flatten_all().unwrap().to_vec1().unwrap())
            .collect()
    };
    let before = frozen(&trainee);
    run(&trainee, &Settings { steps: 3, ..Settings::default() }, &data, None, None, &mut |_| Ok(())).unwrap();
    assert_eq!(before, frozen(&trainee), "the adapters stay as they are");
    // The regulariser 0.01 · Σ ‖I − W_v‖² adds 0.02 · (W_v − I) to the gradient: at W_v = 2 I that is 0.02 on the diagonal.
    let examples: Vec<&Example> = data.train.iter().take(4).collect();
    let batch = [Batch::padded(&examples, data.pad, &Device::Cpu).unwrap()];
    let named = trainee.named_variables();
    let at = named.iter().position(|(name, _)| name.ends_with("value.weight")).unwrap();
    named[at].1.set(&(Tensor::eye(hidden, candle_core::DType::F32, &Device::Cpu).unwrap() * 2.0).unwrap()).unwrap();
    let gradient = |fusion| {
        let mut keep = Keep(Vec::new(), trainee.variables());
        let variables = trainee.variables();
        let stepper = Stepper { variables, fusion, ..Stepper::plain(trainee.model(), trainee.doors()) };
        stepper.step(&mut keep, 1.0, &batch).unwrap();
        keep.0[at].clone().unwrap()
    };
    let added: Vec<Vec<f32>> = (gradient(trainee.fused()) - gradient(None)).unwrap().to_vec2().unwrap();
    for (i, row) in added.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            let expected = if i == j { 0.02 } else { 0.0 };
            assert!((value - expected).abs() < 1e-5, "({i}, {j}): {value}");
        }
    }

    let refused = |fuse: Vec<PathBuf>, method: Kind| {
        Trainee::new(base(), Recipe { fuse, ..Recipe::new(method) }).err().unwrap().to_string()
    };
    let (lora, houlsby) = (saved(Kind::Lora, "lora", 0), saved(Kind::Houlsby, "houlsby", 0));
    let pfeiffer = dir.path().join("c");
    assert!(refused(vec![pfeiffer.clone()], Kind::AdapterFusion).contains("two or more"));
    assert!(refused(vec![pfeiffer.clone(), lora], Kind::AdapterFusion).contains("this is LoRA"));
    assert!(refused(vec![pfeiffer.clone(), houlsby], Kind::AdapterFusion).contains("does not stand"));
    assert!(refused(vec![pfeiffer], Kind::Lora).contains("fuses nothing"));
}

/// A command of `deltaw`, its arguments split at spaces.
fn deltaw(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltaw"));
    command.args(arguments.split_whitespace()).stdin(Stdio::null()).env("NO_COLOR", "1");
    command.env("RAYON_NUM_THREADS", "1").env("CANDLE_NUM_THREADS", "1");
    command
}

fn succeeds(arguments: &str) -> String {
    let Output { status, stdout, stderr } = deltaw(arguments).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[test]
fn a_fusion_is_resumed_with_the_adapters_it_began_with_or_not_at_all_and_its_files_can_be_inspected() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    let adapter = |name: &str, steps: usize| {
        succeeds(&format!(
            "train --task prev --method pfeiffer --steps {steps} --force --out {}",
            place(name).display()
        ));
    };
    adapter("one", 2);
    adapter("two", 3);
    let begin = |out: &Path, steps: usize| {
        format!(
            "train --task revup --method adapterfusion --fuse {} --fuse {} --steps {steps} --save-every 1 --out {}",
            place("one").display(),
            place("two").display(),
            out.display()
        )
    };
    let out = place("broken");
    let mut child = deltaw(&begin(&out, 5000)).stdout(Stdio::null()).spawn().unwrap();
    while !out.join("checkpoint.safetensors").exists() {
        assert!(child.try_wait().unwrap().is_none());
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    adapter("two", 4);
    let refused = deltaw(&format!("train --resume {}", out.display())).output().unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && line.lines().count() == 1 && line.contains("are fused"), "{line}");

    let out = place("both");
    succeeds(&begin(&out, 2));
    let report = succeeds(&format!("adapter inspect {} --json", out.display()));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["method"], "AdapterFusion");
    assert_eq!(report["fuses"], serde_json::json!(["one", "two"]));
    assert_eq!(report["parameters"], 247_040, "five layers of 3·128² + 2·128");
    let text = succeeds(&format!("adapter inspect {}", out.display()));
    assert!(text.contains("It fuses one, two") && text.contains("[128, 128]"), "{text}");
    assert!(succeeds(&format!("adapter inspect {}", out.join("one").display())).contains("bottleneck adapters"));
    for card in [out, place("one")] {
        assert!(fs::read_to_string(card.join("README.md")).unwrap().contains("library_name: adapter-transformers"));
    }
}
