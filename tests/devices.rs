//! One device from end to end: what is asked for, what crosses between device and host, and weights in narrower types.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use assert_cmd::Command;
use candle_core::{DType, Device, Tensor};
use deltaw::{
    device::{Precision, Transfers},
    gpu_check::Record,
    model::{Base, Decoder, Doors, Shut, tiny, tokens},
    peft::{Lora, Method as _, Targets, lora, merge},
    train::{Data, Example, Kind, Metric, Recipe, Settings, Task, Trainee, data, run},
};

/// Rooms through which training and generation pass.
const ROOMS: [&str; 5] = ["src/model", "src/train", "src/optim", "src/peft", "src/generate"];

/// What makes tensors of numbers of the host, or takes them back; in the rooms it goes through `src/device`.
const COPIES: [&str; 8] =
    ["Tensor::from_vec", "Tensor::from_slice", "to_vec1", "to_vec2", "to_vec0", "to_scalar", "::randn(", "Device::Cpu"];

/// Files that may, and why.
const MAY: [(&str, &str); 10] = [
    ("src/model/bnb.rs", "files are read and written on the host"),
    ("src/model/files.rs", "files are read and written on the host"),
    ("src/model/weight/stored.rs", "blocks of a GGUF file are multiplied on the host"),
    ("src/model/weight/tiled.rs", "the host's way of multiplying by a quantised weight"),
    ("src/model/fused", "the host's way; on a GPU the textbook form runs"),
    ("src/optim/state.rs", "a checkpoint is a file"),
    ("src/optim/eight_bit.rs", "a checkpoint is a file"),
    ("src/optim/paged/store.rs", "pages in a file are counted as planned"),
    ("src/peft/hub/modules.rs", "adapters without a base are worked on by the host's linear algebra"),
    ("src/train/run/checkpoint.rs", "a checkpoint is a file"),
];

fn deltaw() -> Command {
    Command::cargo_bin("deltaw").unwrap()
}

fn sources(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn training_and_generation_copy_through_the_one_place_that_counts() {
    let mut all = Vec::new();
    ROOMS.iter().for_each(|room| sources(Path::new(room), &mut all));
    assert!(all.len() > 100, "{}", all.len());
    let mut odd = Vec::new();
    for (name, text) in all.iter().filter(|(name, _)| !MAY.iter().any(|(may, _)| name.starts_with(may))) {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            odd.extend(COPIES.iter().filter(|copy| line.contains(**copy)).map(|copy| format!("{name}: {copy}")));
        }
    }
    assert!(odd.is_empty(), "{odd:#?}");
}

fn examples() -> Data {
    let task = Task::named("revup").unwrap();
    let base = Base::tiny(&Device::Cpu).unwrap();
    let lines: Vec<_> = task.train().into_iter().take(32).collect();
    let encode = |record| data::encode(&record, &base).unwrap();
    let train: Vec<Example> = lines.into_iter().map(encode).collect();
    Data { train, held: Vec::new(), pad: base.tokenizer.pad() }
}

fn steps(recipe: Recipe, settings: Settings) -> Vec<Transfers> {
    let trainee = Trainee::new(tiny::load(&Device::Cpu).unwrap(), recipe).unwrap();
    let mut all = Vec::new();
    run::run(&trainee, &settings, &examples(), None, None, &mut |metric| {
        if let Metric::Step { transfers, .. } = metric {
            all.push(*transfers);
        }
        Ok(())
    })
    .unwrap();
    all
}

#[test]
fn a_step_sends_the_batch_and_fetches_the_loss_and_the_norm() {
    let settings = Settings { steps: 3, warmup: 1, ..Settings::default() };
    let clipped = steps(Recipe::new(Kind::Lora), settings.clone());
    assert_eq!(clipped.len(), 3);
    for step in &clipped {
        // Ids, scored rows and targets; RoPE's angles and the mask. The loss, and all gradients' norms in one piece.
        assert_eq!((step.up, step.down), (5, 2), "{clipped:?}");
    }
    let free = steps(Recipe::new(Kind::Lora), Settings { clip: None, ..settings.clone() });
    assert!(free.iter().all(|step| (step.up, step.down) == (5, 1)), "{free:?}");
    let twice = steps(Recipe::new(Kind::Lora), Settings { accumulate: 2, ..settings.clone() });
    assert!(twice.iter().all(|step| (step.up, step.down) == (10, 3)), "{twice:?}");
    // Dropout draws a mask on the CPU, from the seed, for each of 7 projections in each layer.
    let layers = tiny::config().num_hidden_layers as u64;
    let dropped = steps(Recipe { dropout: 0.1, ..Recipe::new(Kind::Lora) }, settings.clone());
    assert!(dropped.iter().all(|step| (step.up, step.down) == (5 + 7 * layers, 2)), "{dropped:?}");
    assert!([clipped, free, twice, dropped].concat().iter().all(|step| step.planned == 0));
}

fn logits(model: &Decoder, doors: &dyn Doors) -> Vec<f32> {
    let ids = tokens::encode("rev:hello>olleh.up:abc>").unwrap();
    let ids = Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
    model.forward(&ids, doors).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn gap(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn narrower_weights_give_nearly_the_same_logits_and_say_what_they_are() {
    let base = tiny::load(&Device::Cpu).unwrap();
    let exact = logits(&base, &Shut);
    let largest = exact.iter().fold(0f32, |most, logit| most.max(logit.abs()));
    // 8 and 11 significant bits, over the rounding of a few dozen products.
    for (precision, bound) in [(Precision::Bf16, 5e-2), (Precision::F16, 1e-2)] {
        let narrow = base.in_precision(precision).unwrap();
        assert_eq!(narrow.embedding().dtype(), precision.dtype());
        let off = gap(&logits(&narrow, &Shut), &exact) / largest;
        println!("{precision}: {off:.1e} of the largest logit");
        assert!(off > 0.0 && off < bound, "{precision}: {off}");
    }
    let huge = Tensor::full(1e5f32, (64, 64), &Device::Cpu).unwrap();
    let mut weights = base.tensors();
    let name = "model.layers.0.self_attn.q_proj.weight";
    let huge = huge.broadcast_as(weights[name].dims()).or_else(|_| weights[name].affine(0.0, 1e5)).unwrap();
    weights.insert(name.to_owned(), huge.contiguous().unwrap());
    let huge = Decoder::new(base.config().clone(), &weights).unwrap();
    assert!(huge.in_precision(Precision::F16).unwrap_err().to_string().contains("beyond the range of f16"));
    assert!(huge.in_precision(Precision::Bf16).is_ok());
}

#[test]
fn an_adapter_in_f32_learns_on_a_base_in_bf16_nearly_as_on_one_in_f32() {
    let settings = Settings { steps: 20, warmup: 2, learning_rate: 2e-3, ..Settings::default() };
    let losses = |precision: Precision| {
        let base = tiny::load(&Device::Cpu).unwrap().in_precision(precision).unwrap();
        let trainee = Trainee::new(base, Recipe::new(Kind::Lora)).unwrap();
        assert!(trainee.named_variables().iter().all(|(_, variable)| variable.dtype() == DType::F32));
        let outcome = run::run(&trainee, &settings, &examples(), None, None, &mut |_| Ok(())).unwrap();
        outcome.metrics.iter().filter_map(Metric::loss).collect::<Vec<f64>>()
    };
    let (wide, narrow) = (losses(Precision::F32), losses(Precision::Bf16));
    let most = wide.iter().zip(&narrow).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("20 steps from {:.3} to {:.3}: bf16 is off by at most {most:.1e}", wide[0], wide[19]);
    assert!(wide[19] < 0.8 * wide[0] && most > 0.0 && most < 0.05 * wide[0], "{wide:?} {narrow:?}");
}

#[test]
fn the_doors_of_a_method_open_on_narrow_weights() {
    let base = tiny::load(&Device::Cpu).unwrap().in_precision(Precision::Bf16).unwrap();
    let config = lora::Config { rank: 4, targets: Targets::AllLinear, ..Default::default() };
    let adapter = Lora::new(&base, config).unwrap();
    assert_eq!(logits(&base, &adapter), logits(&base, &Shut), "B starts at zero");
    for variable in adapter.variables() {
        variable.set(&(variable.as_tensor() + 0.01).unwrap()).unwrap();
    }
    let merged = merge(&base, &adapter).unwrap().model;
    let (apart, together) = (logits(&base, &adapter), logits(&merged, &Shut));
    let largest = apart.iter().fold(0f32, |most, logit| most.max(logit.abs()));
    assert!(gap(&apart, &together) < 2e-2 * largest, "{}", gap(&apart, &together) / largest);
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_gpu_that_is_not_there_is_one_line_and_exit_code_2_and_auto_goes_on() {
    for command in [&["generate", "up:ab>"][..], &["demo", "b-zero"], &["parity", "tests/data/goldens"]] {
        let output = deltaw().args(command).args(["--device", "cuda"]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{command:?}: {error}");
        assert!(error.contains("--features cuda") && output.stdout.is_empty(), "{error}");
    }
    let output = deltaw().args(["generate", "up:ab>", "--device", "auto"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "AB.\n");
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.contains("computing on the CPU") && note.lines().count() == 1, "{note}");
    let odd = deltaw().args(["generate", "up:ab>"]).env("DELTAW_DEVICE", "gpu").output().unwrap();
    assert_eq!(odd.status.code(), Some(2));
    assert!(String::from_utf8(odd.stderr).unwrap().contains("cpu, cuda, cuda:1 or auto"));
}

#[test]
fn types_that_a_command_cannot_use_are_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let train = |dtype: &str, method: &str| {
        let mut command = deltaw();
        command.args(["train", "--task", "revup", "--steps", "1", "--dtype", dtype, "--method", method, "--out"]);
        command.arg(&out).output().unwrap()
    };
    for (dtype, method, says) in [("f16", "lora", "--dtype bf16"), ("bf16", "full", "leave out --dtype")] {
        let output = train(dtype, method);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains(says) && !out.exists(), "{error}");
    }
    let output = deltaw().args(["generate", "up:ab>", "--dtype", "bf16"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "AB.\n");
}

#[test]
fn the_check_of_a_gpu_runs_to_its_end_on_a_cpu_and_says_what_it_is_worth() {
    let dir = tempfile::tempdir().unwrap();
    let output =
        deltaw().args(["gpu-check", "--device", "cpu", "--out"]).arg(dir.path()).env("RAYON_NUM_THREADS", "1").output();
    let output = output.unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    let page = fs::read_to_string(dir.path().join("cpu.md")).unwrap();
    assert!(page.contains("says nothing about a GPU") && !page.contains("FAIL"), "{page}");
    let record: Record = serde_json::from_slice(&fs::read(dir.path().join("cpu.json")).unwrap()).unwrap();
    assert!(record.small && !record.machine.gpu && record.failures().count() == 0);
    let count = |part: &str| record.checks.iter().filter(|check| check.part == part).count();
    assert_eq!((count("parity"), count("kernels"), count("demos")), (44, 36, 4), "{page}");
    let named = |what: &str| record.figures.iter().any(|figure| figure.name.contains(what) && figure.value.rounds > 0);
    for what in [
        "copy of",
        "matrix product",
        "dequantise",
        "times one token",
        "BGMV",
        "SGMV",
        "low-rank half alone",
        "QLoRA",
        "most memory",
    ] {
        assert!(named(what), "{what}: {page}");
    }
    assert!(!Path::new("docs/gpu/cpu.json").exists());
}

#[test]
fn the_check_names_what_must_be_carried_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let output = deltaw().args(["gpu-check", "--device", "cpu"]).current_dir(dir.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("--goldens DIR"), "{error}");
}
