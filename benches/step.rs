//! One training step of SmolLM2-135M's shape by any method, for `cargo xtask bench-peers`, which lets Python's libraries take turns with it.
//!
//! `cargo bench --bench step -- METHOD BATCH TOKENS` says `ready`, then takes a step for each line it reads and prints its seconds on the clock
//! and of all threads; at the end it prints the megabytes resident after loading and at most. `yes | head -5 | cargo bench …` does without xtask.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{env, fs, io, str::FromStr as _, time::Instant};

use candle_core::{Device, Tensor};
use deltaw::{
    model::Config,
    optim::Hyper,
    train::{Batch, Kind, Recipe, Stepper, Trainee, fresh},
};

/// Learning rate; small, so that random targets do no harm to the numbers.
const RATE: f64 = 1e-4;

/// All tokens but the first are scored, as in pretraining.
fn batch(rows: usize, tokens: usize, vocab: usize) -> Batch {
    let id = |place: usize| (place * 7919 % vocab) as u32;
    let tensor = |ids: Vec<u32>| Tensor::new(ids, &Device::Cpu).unwrap();
    let places: Vec<usize> = (0..rows * tokens).filter(|place| (place + 1) % tokens != 0).collect();
    Batch {
        ids: tensor((0..rows * tokens).map(id).collect()).reshape((rows, tokens)).unwrap(),
        rows: tensor(places.iter().map(|place| *place as u32).collect()),
        targets: tensor(places.iter().map(|place| id(place + 1)).collect()),
        packed: Vec::new(),
    }
}

/// Megabytes that `/proc` names so (Linux).
fn megabytes(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1000
}

/// Seconds that all threads of this process have computed (Linux).
fn cpu_seconds() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let spent = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("schedstat")).ok());
    spent.map(|text| text.split(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>() / 1e9
}

fn main() {
    // `cargo bench` adds a flag of its own.
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [method, rows, tokens] = &args[..] else {
        println!("step: say METHOD BATCH TOKENS, for instance `lora 4 64`; skipped");
        return;
    };
    let config = Config::smollm2_135m();
    let batch = batch(rows.parse().unwrap(), tokens.parse().unwrap(), config.vocab_size);
    let recipe = Recipe::new(Kind::from_str(method).unwrap());
    let trainee = Trainee::new(fresh(&config, 1, &Device::Cpu).unwrap(), recipe).unwrap();
    let mut optimizer = trainee.optimizer(Hyper::default()).unwrap();
    let stepper = Stepper::plain(trainee.model(), trainee.doors());
    println!("ready");
    let loaded = megabytes("VmRSS");
    for _ in io::stdin().lines() {
        let (clock, cpu) = (Instant::now(), cpu_seconds());
        stepper.step(optimizer.as_mut(), RATE, std::slice::from_ref(&batch)).unwrap();
        println!("{} {}", clock.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    }
    println!("{loaded} {}", megabytes("VmHWM"));
}
