//! Single operations, for `cargo xtask bench-peers`, which lets Python's libraries take turns with them.
//!
//! `cargo bench --bench ops -- OPERATION` (`mixed` wants targets and tokens too) says `ready`, then does it once for each line it reads and prints the seconds on the clock and of all
//! threads; at the end the megabytes resident after loading and at most.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "peers/mixed.rs"]
mod mixed;
#[path = "../src/start.rs"]
mod start;
#[path = "peers/turns.rs"]
mod turns;

use candle_core::{Device, Tensor, Var};
use deltaw::{
    device::join_pool,
    generate::{Sampler, Sampling},
    linalg,
    model::{Config, Decoder, KvCache, Projection, Shut, Span, Weight},
    peft::{Lora, Targets, lora, lora::Factors, merge},
    quant::{Codebook, quantise},
    train::fresh,
};

/// Rows and columns of the matrices that are decomposed.
const DECOMPOSED: (usize, usize) = (1536, 576);
/// Rows and columns of the matrices that are quantised.
const QUANTISED: (usize, usize) = (4096, 4096);
/// A projection, and the tokens that go through it.
const LAYER: (usize, usize) = (1536, 1536);
const TOKENS: usize = 256;
/// Tokens that are read, and written after them.
const READ: usize = 57;
const WRITTEN: usize = 32;

fn random(shape: (usize, usize)) -> Tensor {
    Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap()
}

/// Forward and backward of one projection with a LoRA.
fn layer(weight: &Weight) {
    let variable = |shape| Var::from_tensor(&random(shape)).unwrap();
    let factors = Factors {
        a: variable((8, LAYER.1)),
        b: variable((LAYER.0, 8)),
        bias: None,
        alpha: 8.0,
        rank_stabilised: false,
    };
    let x = variable((TOKENS, LAYER.1));
    turns::take(|| {
        let y = (weight.apply(&x).unwrap() + factors.apply(&x).unwrap()).unwrap();
        y.sqr().unwrap().sum_all().unwrap().backward().unwrap()
    });
}

/// Writes a text token by token, the likeliest each time.
fn written(base: &Decoder) -> Vec<u32> {
    let mut cache = KvCache::new(base.config());
    let mut sampler = Sampler::new(Sampling::new(0.0, 1.0, 0).unwrap());
    let mut ids: Vec<u32> = (0..READ).map(|place| (place * 7919 % base.config().vocab_size) as u32).collect();
    let mut read = 0;
    while ids.len() < READ + WRITTEN {
        let logits = base.extend(&mut [Span { ids: &ids[read..], cache: &mut cache }], &Shut).unwrap();
        read = ids.len();
        ids.push(sampler.next(&logits.flatten_all().unwrap().to_vec1::<f32>().unwrap()).unwrap());
    }
    ids
}

fn main() {
    start::prepare();
    join_pool();
    let arguments = turns::arguments();
    match arguments.first().map(String::as_str).unwrap_or_default() {
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
        "layer" => layer(&Weight::Dense(random(LAYER))),
        "four-bit-layer" => layer(&Weight::nf4(&random(LAYER), true).unwrap()),
        "mixed" => {
            let [_, targets, tokens] = &arguments[..] else { panic!("say mixed qv|all TOKENS") };
            let targets = match targets.as_str() {
                "qv" => Targets::from([Projection::Q, Projection::V]),
                _ => Targets::AllLinear,
            };
            let base = fresh(&Config::smollm2_135m(), 1, &Device::Cpu).unwrap();
            let packs = mixed::packs(&base, &mixed::loras(&base, &targets));
            let (batch, ids) = mixed::batch(&base, &packs, tokens.parse().unwrap());
            turns::take(|| base.forward(&ids, &batch).unwrap());
        }
        "generate" => {
            let base = fresh(&Config::smollm2_135m(), 1, &Device::Cpu).unwrap();
            turns::take(|| written(&base));
        }
        _ => println!(
            "ops: say quantise, dequantise, merge, svd, values, top, layer, four-bit-layer, mixed or generate; skipped"
        ),
    }
}
