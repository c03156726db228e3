//! What a LoRA step and a mixed batch cost as they grow: in tokens, rank, layers and adapters.
//!
//! `cargo bench --bench scaling` prints a table; `-- write` puts it and its figure into `docs/benchmarks/scaling.{md,svg}`. Sizes take turns; each point is the least
//! of its rounds, since what disturbs a shared machine only makes a time longer. The exponent is the slope of a straight line through the
//! larger half of the points in log-log: where it is 1, twice the size takes twice the time.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../src/start.rs"]
mod start;

use std::{env, fmt::Write as _, fs, path::Path, sync::Arc, time::Instant};

use candle_core::{Device, Tensor};
use deltaw::{
    demos::{Chart, Figure, Series},
    device::join_pool,
    model::{Config, Decoder},
    optim::Hyper,
    peft::{Lora, lora},
    plot,
    serve::{Batch as Mixed, Packed, page::PagePool},
    train::{Batch, Kind, Recipe, Stepper, Trainee, fresh},
};

const ROUNDS: usize = 4;

/// Rows of the mixed batch.
const ROWS: usize = 32;

/// Something that grows.
struct Axis {
    name: &'static str,
    what: &'static str,
    sizes: &'static [usize],
    build: fn(usize) -> Bench,
}

/// One size, ready to be timed.
enum Bench {
    Step(Box<Trainee>, Batch),
    Mixed(Decoder, Mixed, Tensor),
}

fn config(layers: usize) -> Config {
    Config { num_hidden_layers: layers, ..Config::smollm2_135m() }
}

fn ids(rows: usize, tokens: usize) -> Tensor {
    let id = |place: usize| (place * 7919 % 49_152) as u32;
    Tensor::from_vec((0..rows * tokens).map(id).collect(), (rows, tokens), &Device::Cpu).unwrap()
}

/// A LoRA step of `layers` layers on one row of `tokens` tokens.
fn step(layers: usize, rank: usize, tokens: usize) -> Bench {
    let recipe = Recipe { rank, ..Recipe::new(Kind::Lora) };
    let trainee = Trainee::new(fresh(&config(layers), 1, &Device::Cpu).unwrap(), recipe).unwrap();
    let rows: Vec<u32> = (0..tokens as u32 - 1).collect();
    let ids = ids(1, tokens);
    let targets = ids.flatten_all().unwrap().narrow(0, 1, tokens - 1).unwrap();
    let rows = Tensor::new(rows, &Device::Cpu).unwrap();
    Bench::Step(Box::new(trainee), Batch { ids, rows, targets, packed: Vec::new() })
}

/// 32 rows of one token over `adapters` LoRAs.
fn mixed(adapters: usize) -> Bench {
    let base = fresh(&config(4), 1, &Device::Cpu).unwrap();
    let pool = PagePool::new(1 << 30, 4 * base.config().intermediate_size);
    let pack = |seed| {
        let lora = Lora::new(&base, lora::Config { seed, ..lora::Config::default() }).unwrap();
        Packed::new(&lora, &pool).unwrap().unwrap()
    };
    let packs: Vec<_> = (0..adapters as u64).map(pack).collect();
    let rows = (0..ROWS).map(|row| (1, Some(Arc::clone(&packs[row * adapters / ROWS]))));
    let batch = Mixed::new(rows);
    Bench::Mixed(base, batch, ids(ROWS, 1))
}

/// Seconds of one step or forward pass.
fn once(bench: &mut Bench) -> f64 {
    match bench {
        Bench::Step(trainee, batch) => {
            let mut optimizer = trainee.optimizer(Hyper::default()).unwrap();
            let stepper = Stepper::plain(trainee.model(), trainee.doors());
            let clock = Instant::now();
            stepper.step(optimizer.as_mut(), 1e-4, std::slice::from_ref(batch)).unwrap();
            clock.elapsed().as_secs_f64()
        }
        Bench::Mixed(base, batch, ids) => {
            let clock = Instant::now();
            base.forward(ids, batch).unwrap();
            clock.elapsed().as_secs_f64()
        }
    }
}

const AXES: [Axis; 4] = [
    Axis {
        name: "tokens",
        what: "LoRA step, 8 layers, r = 8, one sequence of n tokens",
        sizes: &[32, 64, 128, 256, 512, 1024],
        build: |n| step(8, 8, n),
    },
    Axis {
        name: "rank",
        what: "LoRA step, 8 layers, 128 tokens, rank n",
        sizes: &[1, 4, 16, 64, 256],
        build: |n| step(8, n, 128),
    },
    Axis {
        name: "layers",
        what: "LoRA step, n layers, r = 8, 128 tokens",
        sizes: &[2, 4, 8, 16, 30],
        build: |n| step(n, 8, 128),
    },
    Axis {
        name: "adapters",
        what: "mixed batch of 32 rows, 4 layers, r = 8, n adapters",
        sizes: &[1, 2, 4, 8, 16, 32],
        build: mixed,
    },
];

/// Times of all sizes of an axis, in seconds.
fn measure(axis: &Axis) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = axis.sizes.iter().map(|size| (*size as f64, f64::INFINITY)).collect();
    let mut benches: Vec<Bench> = axis.sizes.iter().map(|size| (axis.build)(*size)).collect();
    for round in 0..=ROUNDS {
        for (bench, point) in benches.iter_mut().zip(&mut points) {
            let time = once(bench);
            // The first round warms up.
            if round > 0 {
                point.1 = point.1.min(time);
            }
        }
    }
    points
}

/// Slope through the larger half of the points, in log-log, by least squares.
fn exponent(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points[points.len() / 2 - 1..].iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (over, under) = logs
        .iter()
        .fold((0.0, 0.0), |(over, under), point| (over + (point.0 - x) * (point.1 - y), under + (point.0 - x).powi(2)));
    over / under
}

fn main() {
    start::prepare();
    join_pool();
    let mut page = String::from(
        "# How the cost grows\n\n`cargo bench --bench scaling -- write`. Widths of SmolLM2-135M, f32, the whole step with head and optimiser; the least of \
         four rounds that took turns. The exponent is fitted to the larger half of the sizes: 1 means that twice the size takes twice the time, 0 \
         that it costs nothing.\n\n![times against sizes, log-log](scaling.svg)\n\n| what grows | times, ms | exponent |\n|---|---|---|\n",
    );
    let mut series = Vec::new();
    for axis in &AXES {
        let points = measure(axis);
        let slope = exponent(&points);
        let times: Vec<String> = points.iter().map(|(size, time)| format!("{size}: {:.1}", time * 1e3)).collect();
        writeln!(page, "| {} | {} | {slope:.2} |", axis.what, times.join(" · ")).unwrap();
        let points = points.iter().map(|(size, time)| (*size, time * 1e3)).collect();
        series.push(Series { name: format!("{}, exponent {slope:.2}", axis.name), points });
    }
    let cores = std::thread::available_parallelism().unwrap();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    writeln!(page, "\n{cores} cores, load {} at the end.", load.split(' ').next().unwrap()).unwrap();
    let figure = Figure {
        title: "What a step costs as it grows".to_owned(),
        x: "size n (tokens, rank, layers or adapters)".to_owned(),
        y: "time (ms)".to_owned(),
        log_x: true,
        log_y: true,
        chart: Chart::Lines(series),
    };
    if env::args().any(|argument| argument == "write") {
        plot::write(&figure, Path::new("docs/benchmarks/scaling.svg")).unwrap();
        fs::write("docs/benchmarks/scaling.md", &page).unwrap();
    }
    println!("{page}");
}
