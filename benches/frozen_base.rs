//! What a frozen base saves: one LoRA training step of SmolLM2-135M's shape, with the base's weights as constants (as deltaw trains) against
//! the naive form, where they are variables whose gradients candle computes, stores and nobody uses.
//!
//! `cargo bench --bench frozen_base` prints a table; the ratios are of one run, the two forms taking turns. Peak memory is that of a process
//! of its own for each form.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{env, fs, process::Command, time::Instant};

use candle_core::{D, Device, Tensor};
use deltaw::{
    model::{Config, Decoder},
    peft::{Full, Lora, lora},
    train::fresh,
};

/// Sequences, tokens in each, and how often each form is timed.
const SHAPE: (usize, usize) = (4, 64);
const ROUNDS: usize = 5;

/// Loss and gradients of one step; how many gradients of the base were computed, and the norm of the adapter's for comparison.
fn step(model: &Decoder, lora: &Lora, ids: &Tensor, targets: &Tensor) -> (usize, f32) {
    use deltaw::peft::Method as _;
    let logits = model.forward(ids, lora).unwrap().flatten(0, 1).unwrap();
    let loss = candle_nn::loss::nll(&candle_nn::ops::log_softmax(&logits, D::Minus1).unwrap(), targets).unwrap();
    let grads = loss.backward().unwrap();
    let of_base = model.tensors().values().filter(|weight| grads.get(weight).is_some()).count();
    let squares = lora.variables().into_iter().map(|variable| {
        let grad = grads.get(variable.as_tensor()).unwrap();
        grad.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()
    });
    (of_base, squares.sum::<f32>().sqrt())
}

fn peak_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn main() {
    let (batch, tokens) = SHAPE;
    let base = fresh(&Config::smollm2_135m(), 1, &Device::Cpu).unwrap();
    let lora = Lora::new(&base, lora::Config::default()).unwrap();
    let ids: Vec<u32> = (0..batch * tokens).map(|i| (i * 7919 % 49_152) as u32).collect();
    let ids = Tensor::from_vec(ids, (batch, tokens), &Device::Cpu).unwrap();
    let targets = ids.flatten_all().unwrap();

    if let Ok(form) = env::var("DELTAW_PEAK_OF") {
        let naive = (form == "naive").then(|| Full::new(&base).unwrap());
        let model = naive.as_ref().map_or(&base, |full| full.model());
        let before = peak_kilobytes();
        step(model, &lora, &ids, &targets);
        println!("{}", peak_kilobytes() - before);
        return;
    }

    let naive = Full::new(&base).unwrap();
    let mut seconds = [Vec::new(), Vec::new()];
    let mut counted = [(0, 0f32); 2];
    for round in 0..=ROUNDS {
        for (form, model) in [&base, naive.model()].into_iter().enumerate() {
            let clock = Instant::now();
            counted[form] = step(model, &lora, &ids, &targets);
            // The first round warms caches and thread pools.
            if round > 0 {
                seconds[form].push(clock.elapsed().as_secs_f64());
            }
        }
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let [frozen, plain] = &mut seconds;
    let (frozen, plain) = (median(frozen), median(plain));
    let peak = |form: &str| -> f64 {
        let output = Command::new(env::current_exe().unwrap()).env("DELTAW_PEAK_OF", form).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap() / 1e6
    };
    let (frozen_peak, plain_peak) = (peak("frozen"), peak("naive"));
    assert!((counted[0].1 - counted[1].1).abs() < 1e-3 * counted[1].1, "both forms train the same adapter");
    println!(
        "LoRA r = 8 on q,v of SmolLM2-135M's shape, f32, {batch} × {tokens} tokens; median of {ROUNDS} steps each, taking turns\n"
    );
    println!("| form | gradients of base tensors | step, s | memory above the weights, GB |");
    println!("|---|---|---|---|");
    println!("| base as variables | {} | {plain:.2} | {plain_peak:.2} |", counted[1].0);
    println!("| base frozen | {} | {frozen:.2} | {frozen_peak:.2} |", counted[0].0);
    println!("| ratio | | {:.2} | {:.2} |", plain / frozen, plain_peak / frozen_peak);
}
