//! Training: accumulation, packing and recomputation give the gradients of the plain way; every method trains and its files give the same
//! logits; early stopping; a run on SmolLM2 where it is present.
#![allow(clippy::unwrap_used)]

#[path = "common/training.rs"]
mod training;

use std::sync::Mutex;

use candle_core::{Device, Tensor};
use deltaw::{
    model::{Base, Decoder, Options, load_dir},
    peft::{bottleneck, hub, pfeiffer},
    train::{
        Batch, Example, Job, Kind, Metric, Recipe, Settings, Stepper, Trainee, evaluate, job::Source, run, tasks::Task,
    },
};
use peak_alloc::PeakAlloc;
use training::{Keep, base, data, job};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Loss and gradients of a step.
fn gradients(trainee: &Trainee, batches: &[Batch], recompute: bool) -> (f64, Vec<Option<Tensor>>) {
    let stepper = Stepper {
        variables: trainee.variables(),
        recompute,
        dropout: trainee.dropout(),
        ..Stepper::plain(trainee.model(), trainee.doors())
    };
    let mut keep = Keep(Vec::new(), trainee.variables());
    let taken = stepper.step(&mut keep, 1.0, batches).unwrap();
    (taken.loss, keep.0)
}

/// The largest difference of two sets of gradients, over the largest gradient.
fn apart(a: &[Option<Tensor>], b: &[Option<Tensor>]) -> f64 {
    let largest = |tensor: Tensor| {
        f64::from(tensor.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap())
    };
    let (mut gap, mut size) = (0f64, 0f64);
    for (a, b) in a.iter().zip(b) {
        let (Some(a), Some(b)) = (a, b) else {
            assert!(a.is_none() && b.is_none(), "one way has a gradient, the other has none");
            continue;
        };
        gap = gap.max(largest((a - b).unwrap()));
        size = size.max(largest(a.clone()));
    }
    assert!(size > 0.0);
    gap / size
}

/// A method; AdapterFusion gets three Pfeiffer adapters, their weights so large that they differ.
fn trainee(recipe: Recipe) -> Trainee {
    if recipe.method != Kind::AdapterFusion {
        return Trainee::new(base(), recipe).unwrap();
    }
    let config = |seed| bottleneck::Config { std: 0.1, seed, ..bottleneck::Config::default() };
    let one = |seed| pfeiffer::new(&base(), &config(seed)).unwrap().renamed(&format!("number{seed}"));
    Trainee::fusion(base(), recipe, (0..3).map(one).collect()).unwrap()
}

/// A method away from its special start, with dropout where it has any.
fn moved(method: Kind) -> Trainee {
    let dropout = if matches!(method, Kind::Lora | Kind::Dora) { 0.2 } else { 0.0 };
    let trainee = trainee(Recipe { dropout, ..Recipe::new(method) });
    for variable in trainee.variables() {
        let values: Vec<f32> = (0..variable.elem_count()).map(|i| 0.02 * (i as f32 * 1.7).sin()).collect();
        let noise = Tensor::from_vec(values, variable.shape(), &Device::Cpu).unwrap();
        variable.set(&(variable.as_tensor() + noise).unwrap()).unwrap();
    }
    trainee
}

#[test]
fn recomputing_accumulating_and_packing_give_the_plain_gradients() {
    let data = data(8, 1);
    let all: Vec<&Example> = data.train.iter().collect();
    let padded = |examples: &[&Example]| Batch::padded(examples, data.pad, &Device::Cpu).unwrap();
    for method in Kind::ALL {
        let trainee = moved(method);
        trainee.train(true);
        let (loss, plain) = gradients(&trainee, &[padded(&all)], false);
        trainee.train(true);
        if let Some(dropout) = trainee.dropout() {
            dropout.set_draws(0);
        }
        let (again, recomputed) = gradients(&trainee, &[padded(&all)], true);
        assert_eq!(loss, again, "{method}: the same masks are drawn");
        let gap = apart(&plain, &recomputed);
        assert!(gap < 2e-5, "{method}: recomputed gradients are {gap:e} apart");

        trainee.train(false);
        let (whole, plain) = gradients(&trainee, &[padded(&all)], false);
        let (parts, accumulated) = gradients(&trainee, &[padded(&all[..3]), padded(&all[3..])], false);
        let gap = apart(&plain, &accumulated);
        assert!((whole - parts).abs() < 1e-5 && gap < 2e-5, "{method}: accumulated gradients are {gap:e} apart");

        let packed = Batch::packed(&all, &Device::Cpu).unwrap();
        if method.is_virtual() {
            let stepper = Stepper::plain(trainee.model(), trainee.doors());
            assert!(stepper.step(&mut Keep::default(), 1.0, &[packed]).is_err(), "{method} cannot be packed");
            continue;
        }
        let (row, packed) = gradients(&trainee, &[packed], false);
        let gap = apart(&plain, &packed);
        assert!((whole - row).abs() < 1e-4 && gap < 1e-3, "{method}: packed gradients are {gap:e} apart");
    }
}

/// Held by the test that measures memory and by the one that takes gigabytes: the one would drown the other's figures.
static MEMORY: Mutex<()> = Mutex::new(());

#[test]
fn recomputing_needs_less_memory() {
    let _alone = MEMORY.lock().unwrap();
    let data = data(64, 1);
    let all: Vec<&Example> = data.train.iter().collect();
    let batch = [Batch::padded(&all, data.pad, &Device::Cpu).unwrap()];
    let trainee = moved(Kind::Lora);
    let mut peaks = [0, 0];
    for (peak, recompute) in peaks.iter_mut().zip([false, true]) {
        // The first time fills pools.
        gradients(&trainee, &batch, recompute);
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        gradients(&trainee, &batch, recompute);
        *peak = ALLOCATOR.peak_usage() - before;
    }
    // The other tests of this file run at the same time; they move the figures by far less than the factor.
    assert!(peaks[1] * 2 < peaks[0], "{peaks:?}");
}

#[test]
fn every_method_lowers_the_loss_and_its_files_give_the_same_logits() {
    let data = data(64, 8);
    let ids = Tensor::new(&[[7u32, 12, 30, 2, 15, 3]], &Device::Cpu).unwrap();
    for method in Kind::ALL {
        let trainee = trainee(Recipe::new(method));
        let settings = Settings { steps: 12, warmup: 2, learning_rate: method.learning_rate(), ..Settings::default() };
        let outcome = run(&trainee, &settings, &data, None, None, &mut |_| Ok(())).unwrap();
        let (before, after) = (outcome.before.unwrap(), outcome.after.unwrap());
        assert!(after.loss < before.loss, "{method}: {before:?} {after:?}");
        let dir = tempfile::tempdir().unwrap();
        trainee.save(dir.path(), "tiny", None).unwrap();
        let ours = trainee.model().forward(&ids, trainee.doors()).unwrap();
        let theirs = match (trainee.is_model(), method) {
            (true, _) => load_dir(dir.path(), &Device::Cpu).unwrap().forward(&ids, &deltaw::model::Shut).unwrap(),
            (_, Kind::Loftq) => loaded(&load_dir(&dir.path().join("base"), &Device::Cpu).unwrap(), &dir, &ids),
            (_, Kind::Qlora) => loaded(&base().quantised(true).unwrap(), &dir, &ids),
            _ => loaded(&base(), &dir, &ids),
        };
        let real = |logits: &Tensor| logits.narrow(1, logits.dim(1).unwrap() - 6, 6).unwrap();
        let gap = (real(&ours) - real(&theirs)).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(gap < 2e-3, "{method}: the files give logits {gap:e} apart");
    }
}

fn loaded(base: &Decoder, dir: &tempfile::TempDir, ids: &Tensor) -> Tensor {
    base.forward(ids, hub::load(dir.path(), base).unwrap().doors()).unwrap()
}

#[test]
fn early_stopping_keeps_the_best_tensors() {
    let data = data(8, 40);
    let trainee = Trainee::new(base(), Recipe { rank: 16, ..Recipe::new(Kind::Lora) }).unwrap();
    // Eight examples at a high rate: overfitted within a few steps.
    let settings =
        Settings { steps: 400, learning_rate: 2e-2, evaluate_every: 5, patience: Some(2), ..Settings::default() };
    let outcome = run(&trainee, &settings, &data, None, None, &mut |_| Ok(())).unwrap();
    let held = |metric: &Metric| match metric {
        Metric::Held { step, held_out_loss, .. } => Some((*step, *held_out_loss)),
        Metric::Step { .. } => None,
    };
    let evaluations: Vec<(usize, f64)> = outcome.metrics.iter().filter_map(held).collect();
    let best = evaluations.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert!(outcome.stopped && evaluations.last().unwrap().0 < 400);
    assert_eq!((outcome.kept, outcome.after.unwrap().loss), best);
    assert_eq!(evaluations[evaluations.len() - 3], best, "two evaluations without a lower loss end it");
    let now = evaluate(trainee.model(), trainee.doors(), &data.held, data.pad).unwrap();
    assert_eq!(now.loss, best.1, "the tensors are those of the best evaluation");
}

#[test]
fn a_run_that_diverges_says_so_and_impossible_settings_are_refused() {
    let data = data(8, 0);
    let trainee = Trainee::new(base(), Recipe::new(Kind::Full)).unwrap();
    let settings = Settings { steps: 60, warmup: 0, clip: None, learning_rate: 1e30, ..Settings::default() };
    assert!(run(&trainee, &settings, &data, None, None, &mut |_| Ok(())).unwrap().diverged.is_some());
    let prompt = Trainee::new(base(), Recipe::new(Kind::Prompt)).unwrap();
    let fails = |trainee: &Trainee, settings: Settings| {
        run(trainee, &settings, &data, None, None, &mut |_| Ok(())).unwrap_err().to_string()
    };
    assert!(fails(&prompt, Settings { pack: Some(64), ..Settings::default() }).contains("--pack"));
    assert!(fails(&prompt, Settings { patience: Some(1), ..Settings::default() }).contains("held-out"));
    assert!(fails(&prompt, Settings { steps: 0, ..Settings::default() }).contains("steps is 0"));
    assert!(fails(&prompt, Settings { learning_rate: f64::NAN, ..Settings::default() }).contains("learning rate"));
    assert!(Trainee::new(base(), Recipe { dropout: 0.1, ..Recipe::new(Kind::Ia3) }).is_err());
}

/// SmolLM2, if it is on this machine.
fn smollm2() -> Option<Base> {
    let spec = std::env::var("DELTAW_SMOLLM2").unwrap_or_else(|_| "smollm2".to_owned());
    let options = Options { offline: true, ..Options::default() };
    match Base::open(&spec, &options, &Device::Cpu) {
        Ok(base) => Some(base),
        Err(error) => {
            eprintln!("skipped: SmolLM2 is not here ({error}); set DELTAW_SMOLLM2 to its directory or .gguf file");
            None
        }
    }
}

#[test]
fn smollm2_learns_from_a_few_steps_what_words_it_never_saw_mean() {
    let _alone = MEMORY.lock().unwrap();
    let Some(base) = smollm2() else { return };
    let source = Source::Task("polarity".to_owned());
    let settings = Settings { steps: 12, batch: 8, warmup: 2, learning_rate: 1e-3, ..Settings::default() };
    let mut job = Job { source, settings, ..job(Kind::Lora, Settings::default()) };
    let mut data = job.read(&base).unwrap().data;
    data.held.truncate(40);
    let trainee = Trainee::new(base.model, Recipe { targets: "q,v".to_owned(), ..Recipe::new(Kind::Lora) }).unwrap();
    let outcome = run(&trainee, &job.settings, &data, None, None, &mut |_| Ok(())).unwrap();
    let (before, after) = (outcome.before.unwrap(), outcome.after.unwrap());
    eprintln!(
        "held out: loss {:.3} → {:.3}, exactly right {:.3} → {:.3}",
        before.loss, after.loss, before.exact, after.exact
    );
    assert!(after.loss < 0.5 * before.loss && after.exact > before.exact + 0.2, "{before:?} {after:?}");
    assert!(Task::named("polarity").is_ok());
}
