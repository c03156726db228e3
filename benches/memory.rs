//! Memory of training, counted by the allocator: what is alive after loading, and the most that is alive during one step, for each way of
//! fine-tuning SmolLM2-135M's shape.
//!
//! `cargo bench --bench memory` prints a table. Each way runs in a process of its own; the first step fills the optimiser's state, the second is
//! measured.
#![allow(clippy::unwrap_used, clippy::print_stdout, unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    env,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use candle_core::{D, Device, Tensor};
use deltaw::{
    model::{Config, Decoder, Doors, Projection, Shut, Weight},
    optim::{
        AdamW, Groups, Hyper, Optimizer,
        eight_bit::{AdamW8bit, SMALLEST},
        galore::{self, GaLore},
        paged::PagedAdamW,
    },
    peft::{Full, Lora, Method as _, Targets, lora},
    train::fresh,
};

/// Counts what is alive.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Sequences, and tokens in each.
const SHAPE: (usize, usize) = (4, 64);

const WAYS: [&str; 7] = [
    "full, AdamW",
    "full, paged AdamW",
    "full, 8-bit AdamW",
    "full, GaLore r=128",
    "LoRA r=8",
    "QLoRA r=8",
    "QLoRA r=8, paged",
];

/// Resident state of the paged ways, in bytes: a quarter of full fine-tuning's, half of LoRA's.
const FULL_BUDGET: usize = 270 << 20;
const LORA_BUDGET: usize = 10 << 20;

fn live() -> f64 {
    LIVE.load(Ordering::Relaxed) as f64
}

/// Peak of a second step in bytes, and its seconds.
fn measured(model: &Decoder, doors: &dyn Doors, optimizer: &mut dyn Optimizer) -> (f64, f64) {
    let (batch, tokens) = SHAPE;
    let ids: Vec<u32> = (0..batch * tokens).map(|i| (i * 7919 % 49_152) as u32).collect();
    let ids = Tensor::from_vec(ids, (batch, tokens), &Device::Cpu).unwrap();
    let targets = ids.flatten_all().unwrap();
    let mut step = || {
        PEAK.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
        let clock = Instant::now();
        let logits = model.forward(&ids, doors).unwrap().flatten(0, 1).unwrap();
        let loss = candle_nn::loss::nll(&candle_nn::ops::log_softmax(&logits, D::Minus1).unwrap(), &targets).unwrap();
        drop(logits);
        let grads = loss.backward().unwrap();
        drop(loss);
        optimizer.step(&grads).unwrap();
        (PEAK.load(Ordering::Relaxed) as f64, clock.elapsed().as_secs_f64())
    };
    step();
    step()
}

/// One way in this process: bytes alive before the first step, peak, state, seconds.
fn run(way: &str) -> [f64; 4] {
    let hyper = Hyper::default();
    let base = fresh(&Config::smollm2_135m(), 1, &Device::Cpu).unwrap();
    if let Some(optimiser) = way.strip_prefix("full, ") {
        let full = Full::new(&base).unwrap();
        drop(base);
        let variables = full.variables().to_vec();
        let groups = || Groups::from(variables.iter().map(|(_, variable)| variable.clone()).collect::<Vec<_>>());
        let loaded = live();
        let projected = |name: &str| name.contains("self_attn") || name.contains("mlp");
        let mut optimizer: Box<dyn Optimizer> = match optimiser {
            "AdamW" => Box::new(AdamW::new(groups(), hyper).unwrap()),
            "paged AdamW" => Box::new(PagedAdamW::new(&groups(), hyper, FULL_BUDGET).unwrap()),
            "8-bit AdamW" => Box::new(AdamW8bit::new(groups(), hyper, SMALLEST).unwrap()),
            _ => Box::new(GaLore::new(&variables, hyper, galore::Projection::default(), projected)),
        };
        let (peak, seconds) = measured(full.model(), &Shut, optimizer.as_mut());
        return [loaded, peak, optimizer.state_bytes() as f64, seconds];
    }
    let model = if way.starts_with('Q') { base.quantised(true).unwrap() } else { base.clone() };
    drop(base);
    let loaded = live();
    let config = lora::Config { targets: Targets::AllLinear, ..lora::Config::default() };
    let lora = Lora::new(&model, config).unwrap();
    let groups = Groups::from(lora.variables());
    let mut optimizer: Box<dyn Optimizer> = match way.ends_with("paged") {
        true => Box::new(PagedAdamW::new(&groups, hyper, LORA_BUDGET).unwrap()),
        false => Box::new(AdamW::new(groups, hyper).unwrap()),
    };
    let (peak, seconds) = measured(&model, &lora, optimizer.as_mut());
    [loaded, peak, optimizer.state_bytes() as f64, seconds]
}

/// Bits a weight of the projections in four bits, by what stays alive when they are made.
fn bits() -> f64 {
    let base = fresh(&Config::smollm2_135m(), 1, &Device::Cpu).unwrap();
    // The first use starts thread pools and tables, which are no weights.
    drop(Weight::nf4(&base.projection(base.sites(&Projection::ALL)[0]).unwrap().dense().unwrap(), true).unwrap());
    let before = live();
    let weights: Vec<Weight> = base
        .sites(&Projection::ALL)
        .into_iter()
        .map(|site| Weight::nf4(&base.projection(site).unwrap().dense().unwrap(), true).unwrap())
        .collect();
    let count: usize = weights.iter().map(Weight::count).sum();
    8.0 * (live() - before) / count as f64
}

fn main() {
    if let Ok(way) = env::var("DELTAW_WAY") {
        println!("{}", run(&way).map(|number| number.to_string()).join(" "));
        return;
    }
    let (batch, tokens) = SHAPE;
    println!(
        "SmolLM2-135M's shape, f32, {batch} × {tokens} tokens, one step; GB (10⁹ bytes) counted by the allocator\n"
    );
    println!("4-bit projections with double quantisation: {:.3} bits a weight alive\n", bits());
    println!("| way | alive before training | peak in a step | optimiser state | step, s |");
    println!("|---|---|---|---|---|");
    for way in WAYS {
        let output = Command::new(env::current_exe().unwrap()).env("DELTAW_WAY", way).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let [loaded, peak, state] = [0, 1, 2].map(|index| numbers[index] / 1e9);
        println!("| {way} | {loaded:.3} | {peak:.2} | {state:.3} | {:.1} |", numbers[3]);
    }
}
