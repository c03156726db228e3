//! One training step of SmolLM2-135M's shape by any method, for `cargo xtask bench-peers`, which lets Python's libraries take turns with it.
//!
//! `cargo bench --bench step -- SHAPE METHOD BATCH TOKENS` says `ready`, then takes a step for each line it reads and prints its seconds on the
//! clock and of all threads; at the end it prints the megabytes resident after loading and at most. `yes | head -5 | cargo bench …` does
//! without xtask. SHAPE is `smollm2`, or `two-layers` of it where only the start counts.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../src/start.rs"]
mod start;
#[path = "peers/turns.rs"]
mod turns;

use std::str::FromStr as _;

use candle_core::{Device, Tensor};
use deltaw::{
    device::join_pool,
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

fn main() {
    start::prepare();
    join_pool();
    let args = turns::arguments();
    let [shape, method, rows, tokens] = &args[..] else {
        println!("step: say SHAPE METHOD BATCH TOKENS, for instance `smollm2 lora 4 64`; skipped");
        return;
    };
    let smollm2 = Config::smollm2_135m();
    let config = match shape.as_str() {
        "two-layers" => Config { num_hidden_layers: 2, vocab_size: 1000, ..smollm2 },
        _ => smollm2,
    };
    let batch = batch(rows.parse().unwrap(), tokens.parse().unwrap(), config.vocab_size);
    let recipe = Recipe::new(Kind::from_str(method).unwrap());
    let trainee = Trainee::new(fresh(&config, 1, &Device::Cpu).unwrap(), recipe).unwrap();
    let mut optimizer = trainee.optimizer(Hyper::default()).unwrap();
    let stepper = Stepper::plain(trainee.model(), trainee.doors());
    turns::take(|| stepper.step(optimizer.as_mut(), RATE, std::slice::from_ref(&batch)).unwrap());
}
