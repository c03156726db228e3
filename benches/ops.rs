//! Single operations, for `cargo xtask bench-peers`, which lets Python's libraries take turns with them.
//!
//! `cargo bench --bench ops -- OPERATION` says `ready`, then does it once for each line it reads and prints the seconds on the clock and of all
//! threads; at the end the megabytes resident after loading and at most.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "peers/turns.rs"]
mod turns;

use candle_core::{Device, Tensor};
use deltaw::{
    linalg,
    model::{Config, Weight},
    peft::{Lora, lora, merge},
    quant::{Codebook, quantise},
    train::fresh,
};

/// Rows and columns of the matrices that are decomposed.
const DECOMPOSED: (usize, usize) = (1536, 576);
/// Rows and columns of the matrices that are quantised.
const QUANTISED: (usize, usize) = (4096, 4096);

fn random(shape: (usize, usize)) -> Tensor {
    Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap()
}

fn main() {
    let operation = turns::arguments().into_iter().next().unwrap_or_default();
    match operation.as_str() {
        "quantise" => {
            let values = random(QUANTISED).flatten_all().unwrap().to_vec1::<f32>().unwrap();
            turns::take(|| quantise(&values, 64, &Codebook::nf4()).unwrap().double());
        }
        "dequantise" => {
            let four = Weight::nf4(&random(QUANTISED), true).unwrap();
            turns::take(|| four.dense().unwrap());
        }
        "merge" => {
            let base = fresh(&Config::smollm2_135m(), 1, &Device::Cpu).unwrap();
            let lora = Lora::new(&base, lora::Config::default()).unwrap();
            turns::take(|| merge(&base, &lora).unwrap());
        }
        "svd" => {
            let matrix = linalg::to_array(&random(DECOMPOSED)).unwrap();
            turns::take(|| linalg::svd(&matrix).unwrap());
        }
        "values" => {
            let matrix = linalg::to_array(&random(DECOMPOSED)).unwrap();
            turns::take(|| linalg::singular_values(&matrix).unwrap());
        }
        "top" => {
            let matrix = linalg::to_array(&random(DECOMPOSED)).unwrap();
            turns::take(|| linalg::top(&matrix, 8, 0).unwrap());
        }
        _ => println!("ops: say quantise, dequantise, merge, svd, values or top; skipped"),
    }
}
