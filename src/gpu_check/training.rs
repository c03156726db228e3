//! Steps of training, and the most memory in use.

use std::time::Instant;

use candle_core::{Result, Tensor};

use super::{Found, Goal, Plan, Spread, memory, shapes};
use crate::{
    arena::Meter,
    device::{Precision, Transfers},
    model::{Config, Decoder},
    optim::{AdamW, Groups, Hyper},
    peft::{Lora, Method as _, Targets, lora},
    train::{Batch, Stepper, fresh},
};

/// Rank of the adapters.
const RANK: usize = 16;

/// The most gigabytes that QLoRA may take on a 7B shape.
const SEVEN_BILLION_GB: f64 = 12.0;

/// Bytes in a gigabyte.
const GB: f64 = 1e9;

/// One way to train one model.
struct Way {
    name: &'static str,
    config: Config,
    base: fn(&Config, &Plan) -> Result<Decoder>,
    /// Rows, and tokens of each.
    batch: (usize, usize),
    recompute: bool,
    most: Option<f64>,
}

fn dense(config: &Config, plan: &Plan) -> Result<Decoder> {
    fresh(config, 0, &plan.device)
}

fn narrow(config: &Config, plan: &Plan) -> Result<Decoder> {
    fresh(config, 0, &plan.device)?.in_precision(Precision::Bf16)
}

fn four_bit(config: &Config, plan: &Plan) -> Result<Decoder> {
    shapes::in_four_bits(config, Precision::Bf16, &plan.device)
}

fn ways(small: bool) -> Vec<Way> {
    let way = |name, config, base, batch, recompute| Way { name, config, base, batch, recompute, most: None };
    if small {
        let tiny = shapes::small;
        return vec![
            way("LoRA on a small shape, f32", tiny(), dense as fn(&Config, &Plan) -> Result<Decoder>, (2, 16), false),
            way("LoRA on a small shape, bf16", tiny(), narrow, (2, 16), false),
            way("QLoRA on a small shape", tiny(), four_bit, (1, 16), true),
        ];
    }
    let seven = way(
        "QLoRA on the 7B shape",
        shapes::seven_billion(),
        four_bit as fn(&Config, &Plan) -> Result<Decoder>,
        (1, 512),
        true,
    );
    vec![
        way("LoRA on SmolLM2-135M's shape, f32", Config::smollm2_135m(), dense, (8, 512), false),
        way("LoRA on SmolLM2-135M's shape, bf16", Config::smollm2_135m(), narrow, (8, 512), false),
        way("QLoRA on SmolLM2-135M's shape", Config::smollm2_135m(), four_bit, (8, 512), false),
        way("LoRA on the 1B shape, bf16", shapes::one_billion(), narrow, (4, 512), false),
        way("QLoRA on the 1B shape", shapes::one_billion(), four_bit, (4, 512), false),
        Way { most: Some(SEVEN_BILLION_GB), ..seven },
    ]
}

/// Measures every way.
pub(super) fn run(plan: &Plan, meter: Meter, found: &mut Found) {
    for way in ways(plan.small) {
        let (rows, tokens) = way.batch;
        let again = if way.recompute { ", activations recomputed" } else { "" };
        let about = format!("{}, {rows} × {tokens} tokens, rank {RANK}{again}", way.name);
        found.measure(&about, |found| one(plan, &way, meter, &about, found));
    }
}

fn one(plan: &Plan, way: &Way, meter: Meter, about: &str, found: &mut Found) -> Result<()> {
    let ((rates, copies), most) = memory::most(&plan.device, meter, || steps(plan, way))?;
    found.figure(format!("{about}: training"), "tokens/s", rates, None);
    match most {
        Some(bytes) => {
            let most = Spread::of(vec![bytes as f64 / GB]);
            found.figure(format!("{about}: most memory in use"), "GB", most, way.most.map(Goal::AtMost));
        }
        None => found.notes.push(format!("{about}: the driver does not say how much memory is in use")),
    }
    let copies = Spread::of(vec![(copies.up + copies.down) as f64]);
    found.figure(format!("{about}: copies between host and device"), "a step", copies, None);
    Ok(())
}

/// Tokens a second, and the copies of the last step.
fn steps(plan: &Plan, way: &Way) -> Result<(Spread, Transfers)> {
    let base = (way.base)(&way.config, plan)?;
    let targets = Targets::AllLinear;
    let lora = Lora::new(&base, lora::Config { rank: RANK, targets, ..Default::default() })?;
    let mut optimizer = AdamW::new(Groups::from(lora.variables()), Hyper::default())?;
    let stepper = Stepper { variables: lora.variables(), recompute: way.recompute, ..Stepper::plain(&base, &lora) };
    let batch = batch(plan, way)?;
    let count = (way.batch.0 * way.batch.1) as f64;
    let (mut rates, mut copies) = (Vec::new(), Transfers::default());
    for step in 0..=if plan.small { 2 } else { 5 } {
        plan.device.synchronize()?;
        let (clock, before) = (Instant::now(), Transfers::so_far());
        stepper.step(&mut optimizer, 1e-4, std::slice::from_ref(&batch))?;
        plan.device.synchronize()?;
        copies = Transfers::so_far() - before;
        // The first step compiles kernels.
        if step > 0 {
            rates.push(count / clock.elapsed().as_secs_f64());
        }
    }
    Ok((Spread::of(rates), copies))
}

/// A batch in which every token but a row's last is scored.
fn batch(plan: &Plan, way: &Way) -> Result<Batch> {
    let (rows, tokens) = way.batch;
    let ids = shapes::ids(&way.config, rows, tokens, &plan.device)?;
    let scored: Vec<u32> =
        (0..rows * tokens).filter(|place| place % tokens != tokens - 1).map(|place| place as u32).collect();
    let next: Vec<u32> = scored.iter().map(|place| place + 1).collect();
    let list = |values: Vec<u32>| Tensor::new(values, &plan.device);
    Ok(Batch {
        targets: ids.flatten_all()?.index_select(&list(next)?, 0)?,
        ids,
        rows: list(scored)?,
        packed: Vec::new(),
    })
}
