//! The hot paths, each as a multiple of a reference kernel.
//!
//! A time depends on the machine and on its neighbours; how many times a product of two matrices something takes hardly does. So each
//! iteration also does that product, on the same thread right after, and criterion gets the quotient instead of seconds.
//!
//! `cargo bench --bench hot_paths` measures (some minutes); `cargo xtask bench-check` compares with `benches/baseline.json` and fails where a path
//! has become much dearer.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "peers/mixed.rs"]
mod mixed;
#[path = "hot/multiple.rs"]
mod multiple;

use std::{hint::black_box, time::Duration};

use candle_core::{Device, Tensor};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use deltaw::{
    linalg,
    model::{Config, Decoder, KeyValues as _, KvCache, Shut, Span, Weight},
    optim::Hyper,
    peft::{Targets, merge},
    quant::{Codebook, quantise},
    quiz::{
        bank,
        grade::{Instance, Lexicon, grade},
    },
    train::{Batch, Kind, Recipe, Stepper, Trainee, fresh},
};
use multiple::{Multiple, Reference};

/// SmolLM2-135M's widths, two layers.
fn base() -> Decoder {
    fresh(&Config { num_hidden_layers: 2, ..Config::smollm2_135m() }, 1, &Device::Cpu).unwrap()
}

fn random(rows: usize, columns: usize) -> Tensor {
    Tensor::randn(0f32, 1f32, (rows, columns), &Device::Cpu).unwrap()
}

/// 128 tokens, all but the first scored.
fn batch() -> Batch {
    let ids: Vec<u32> = (0..128).map(|place| place * 7919 % 49_152).collect();
    let ids = Tensor::from_vec(ids, (1, 128), &Device::Cpu).unwrap();
    let targets = ids.flatten_all().unwrap().narrow(0, 1, 127).unwrap();
    Batch { rows: Tensor::arange(0u32, 127, &Device::Cpu).unwrap(), ids, targets, packed: Vec::new() }
}

fn training(criterion: &mut Criterion<Multiple>) {
    let mut group = criterion.benchmark_group("step");
    group.sampling_mode(SamplingMode::Flat);
    let reference = Reference::new();
    for kind in [Kind::Lora, Kind::Qlora, Kind::Dora, Kind::Vera, Kind::Pfeiffer, Kind::Full] {
        let trainee = Trainee::new(base(), Recipe::new(kind)).unwrap();
        let mut optimizer = trainee.optimizer(Hyper::default()).unwrap();
        let (stepper, batch) = (Stepper::plain(trainee.model(), trainee.doors()), [batch()]);
        group.bench_function(kind.name(), |bencher| {
            reference.beside(bencher, || stepper.step(optimizer.as_mut(), 1e-4, &batch).unwrap());
        });
    }
}

fn four_bits(criterion: &mut Criterion<Multiple>) {
    let mut group = criterion.benchmark_group("nf4");
    let reference = Reference::new();
    let dense = random(1536, 1536);
    let values = dense.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (four, one) = (Weight::nf4(&dense, true).unwrap(), random(1, 1536));
    group.bench_function("quantise", |bencher| {
        reference.beside(bencher, || quantise(black_box(&values), 64, &Codebook::nf4()).unwrap().double());
    });
    group.bench_function("dequantise", |bencher| reference.beside(bencher, || four.dense().unwrap()));
    group.bench_function("one-row", |bencher| reference.beside(bencher, || four.apply(&one).unwrap()));
}

fn serving(criterion: &mut Criterion<Multiple>) {
    let mut group = criterion.benchmark_group("serve");
    let (reference, base) = (Reference::new(), base());
    let loras = mixed::loras(&base, &Targets::AllLinear);
    let packs = mixed::packs(&base, &loras);
    let (batch, ids) = mixed::batch(&base, &packs, 1);
    group.bench_function("mixed-batch", |bencher| reference.beside(bencher, || base.forward(&ids, &batch).unwrap()));
    group.bench_function("merge", |bencher| reference.beside(bencher, || merge(&base, &loras[0]).unwrap()));
    group.bench_function("token", |bencher| {
        let mut cache = KvCache::new(base.config());
        let read: Vec<u32> = (0..64).collect();
        base.extend(&mut [Span { ids: &read, cache: &mut cache }], &Shut).unwrap();
        // The cache grows by a token each time and starts anew before its context ends.
        reference.beside(bencher, || {
            if cache.len() > 512 {
                cache = KvCache::new(base.config());
            }
            base.extend(&mut [Span { ids: &[7], cache: &mut cache }], &Shut).unwrap()
        });
    });
}

fn analysis(criterion: &mut Criterion<Multiple>) {
    let mut group = criterion.benchmark_group("svd");
    let (reference, matrix) = (Reference::new(), linalg::to_array(&random(512, 256)).unwrap());
    group.bench_function("all", |bencher| reference.beside(bencher, || linalg::svd(&matrix).unwrap()));
    group.bench_function("values", |bencher| reference.beside(bencher, || linalg::singular_values(&matrix).unwrap()));
    group.bench_function("top-8", |bencher| reference.beside(bencher, || linalg::top(&matrix, 8, 0).unwrap()));
}

fn grading(criterion: &mut Criterion<Multiple>) {
    let mut group = criterion.benchmark_group("grade");
    let (reference, bank) = (Reference::new(), bank::builtin().unwrap());
    let lexicon = Lexicon::new(&bank);
    let question = bank.questions.iter().find(|question| question.id == "g06").unwrap();
    let instance = Instance::draw(question, 0);
    let answer =
        "A is drawn at random and B starts at zero, so the product is nothing at first and the model is the base";
    group.bench_function("answer", |bencher| {
        reference.beside(bencher, || grade(&instance, &lexicon, black_box(answer)))
    });
}

criterion_group! {
    name = paths;
    config = Criterion::default().with_measurement(Multiple).sample_size(20)
        .warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    targets = training, four_bits, serving, analysis, grading
}
criterion_main!(paths);
