//! Trains the tiny base from fresh weights, examines it, and writes weights and log.

use std::{fs, path::PathBuf, time::Instant};

use candle_core::{Device, Error, Result};
use deltaw::{
    model::{Shut, save_dir, tiny},
    peft::Full,
    train::{Plan, exact_match, fit, fresh, skills},
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where config.json, model.safetensors and pretrain.json go
    #[arg(long, default_value = "assets/tiny")]
    out: PathBuf,
    /// Steps of AdamW
    #[arg(long, default_value_t = 6000)]
    steps: usize,
    /// Examples a step
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Peak learning rate
    #[arg(long, default_value_t = 2e-3)]
    learning_rate: f64,
    /// Seed of weights and examples
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Held-out examples per skill in the exam.
const EXAM: usize = 500;

pub(crate) fn run(args: &Args) -> Result<()> {
    let device = Device::Cpu;
    let full = Full::new(&fresh(&tiny::config(), args.seed, &device)?)?;
    let plan = Plan {
        skills: skills::PRETRAINED.to_vec(),
        steps: args.steps,
        batch: args.batch,
        learning_rate: args.learning_rate,
        warmup: args.steps / 30,
        weight_decay: 0.01,
        seed: args.seed + 1,
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed_precise} left {eta_precise} {msg}")
        .map_err(|error| Error::Msg(error.to_string()))?;
    let bar = ProgressBar::new(args.steps as u64).with_style(style);
    let started = Instant::now();
    let (mut log, mut sum, mut since) = (Vec::new(), 0.0, 0);
    let variables: Vec<_> = full.variables().iter().map(|(_, variable)| variable.clone()).collect();
    fit(full.model(), &Shut, variables, &plan, |step| {
        sum += step.loss;
        since += 1;
        bar.inc(1);
        if (step.index + 1) % 100 == 0 || step.index + 1 == plan.steps {
            let mean = sum / f64::from(since);
            bar.set_message(format!("loss {mean:.4}"));
            eprintln!("step {} loss {mean:.4} {:.0}s", step.index + 1, started.elapsed().as_secs_f64());
            log.push(json!({"step": step.index + 1, "mean_loss": mean}));
            (sum, since) = (0.0, 0);
        }
        if (step.index + 1) % 1000 == 0 {
            save_dir(full.model(), &args.out)?;
        }
        Ok(())
    })?;
    bar.finish();
    save_dir(full.model(), &args.out)?;

    let mut exam = serde_json::Map::new();
    for skill in skills::PRETRAINED.into_iter().chain(skills::NEW) {
        let right = exact_match(full.model(), &Shut, skill, EXAM, 99)?;
        println!("{:<6} {:5.1} % of {EXAM} held-out examples", skill.name, 100.0 * right);
        exam.insert(skill.name.to_owned(), json!(right));
    }
    let record = json!({
        "command": format!(
            "cargo xtask pretrain --steps {} --batch {} --learning-rate {} --seed {}",
            args.steps, args.batch, args.learning_rate, args.seed
        ),
        "parameters": full.model().parameter_count(),
        "seconds": started.elapsed().as_secs_f64().round(),
        "final_mean_loss": log.last().map(|entry| entry["mean_loss"].clone()),
        "held_out_exact_match": exam,
        "log": log,
    });
    let file = args.out.join("pretrain.json");
    let text = serde_json::to_string_pretty(&record).map_err(|error| Error::Msg(error.to_string()))?;
    fs::write(&file, text + "\n").map_err(|error| Error::Msg(format!("{}: {error}", file.display())))
}
