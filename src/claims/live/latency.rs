//! Time at inference: ratios within one run, the fastest of several rounds that take turns. Another machine gives others.

use std::{hint::black_box, time::Instant};

use super::Computation;
use crate::{
    claims::{Bench, Evidence, Finding, bench::Recipe},
    demos::{Error, lab},
    model::{Decoder, Doors, Shut, tiny},
    peft::{Dora, Lora, bottleneck::Config, houlsby, merge},
    train::{Batch, fresh},
};

pub(super) const ALL: &[Computation] = &[("lora-no-latency", lora), ("adapter-latency", adapters), ("dora-cost", dora)];

/// Rounds; everything is timed once in each, so that a slow moment hits all alike.
const ROUNDS: usize = 200;

/// A ratio of times within this is noise.
const NOISE: f64 = 0.05;

/// Fastest times of several models over one batch, in seconds.
fn times(models: &[(&Decoder, &dyn Doors)], batch: &Batch) -> Result<Vec<f64>, Error> {
    let mut best = vec![f64::INFINITY; models.len()];
    for _ in 0..ROUNDS {
        for (best, (model, doors)) in best.iter_mut().zip(models) {
            let started = Instant::now();
            black_box(model.forward(&batch.ids, *doors)?);
            *best = best.min(started.elapsed().as_secs_f64());
        }
    }
    Ok(best)
}

fn lora(bench: &Bench) -> Result<Evidence, Error> {
    let lora = Lora::new(bench.base(), Recipe::default().config())?;
    let merged = merge(bench.base(), &lora)?.model;
    let mut evidence =
        Evidence::new("Forward passes of the tiny base with LoRA at r = 8 on every projection: times over the base's");
    let mut ratios = Vec::new();
    for examples in [1, 32] {
        let batch = lab::batch(examples, 0)?;
        let t = times(&[(bench.base(), &Shut), (&merged, &Shut), (bench.base(), &lora)], &batch)?;
        evidence = evidence
            .timed(format!("merged, batch {examples}"), t[1] / t[0])
            .timed(format!("unmerged, batch {examples}"), t[2] / t[0]);
        ratios.push((t[1] / t[0], t[2] / t[0]));
    }
    let operations = 2.0 * 16.0 * (4096.0 + 4096.0) / (2.0 * 4096.0 * 4096.0);
    Ok(evidence
        .number("2r(d+k) over 2dk at r = 16 and d = k = 4096, %", 100.0 * operations)
        .expect(
            "merged it costs nothing that can be measured at batch 1: under a tenth",
            Finding::below(ratios[0].0, 1.1, NOISE),
        )
        .expect("unmerged it does: more than a tenth at batch 1", Finding::above(ratios[0].1, 1.1, NOISE)))
}

fn adapters(bench: &Bench) -> Result<Evidence, Error> {
    let adapters = houlsby::new(bench.base(), &Config::default())?;
    let mut evidence =
        Evidence::new("Forward passes of the tiny base with Houlsby adapters of width 16: times over the base's");
    let mut ratios = Vec::new();
    for examples in [1, 32] {
        let t = times(&[(bench.base(), &Shut), (bench.base(), &adapters)], &lab::batch(examples, 0)?)?;
        evidence = evidence.timed(format!("adapters, batch {examples}"), t[1] / t[0]);
        ratios.push(t[1] / t[0]);
    }
    Ok(evidence.expect(
        "at batch 1 adapters cost time: more than three per cent",
        Finding::above(ratios[0], 1.03, NOISE / 5.0),
    ))
}

/// One layer as wide as a small real model's: on the tiny base the d×k product that DoRA forms is too small to matter.
fn wide() -> Result<Decoder, Error> {
    let config =
        crate::model::Config { hidden_size: 1024, intermediate_size: 2048, num_hidden_layers: 1, ..tiny::config() };
    Ok(fresh(&config, 0, &lab::device())?)
}

fn dora(_: &Bench) -> Result<Evidence, Error> {
    let base = wide()?;
    let recipe = Recipe::at_rank(16);
    let (lora, dora) = (Lora::new(&base, recipe.config())?, Dora::new(&base, recipe.config())?);
    let merged = merge(&base, &dora)?.model;
    let t = times(&[(&base, &lora), (&base, &dora), (&merged, &Shut)], &lab::batch(1, 0)?)?;
    Ok(Evidence::new(
        "One sequence through one layer 1024 wide with random weights, r = 16, unmerged: times over LoRA's",
    )
    .timed("DoRA over LoRA", t[1] / t[0])
    .timed("merged DoRA over LoRA", t[2] / t[0])
    .expect("more than slightly: DoRA takes at least a quarter longer", Finding::above(t[1] / t[0], 1.25, NOISE))
    .expect("merged the cost is gone", Finding::below(t[2] / t[0], 1.0, NOISE)))
}
