//! A mixed batch: rows of different LoRAs in one pass, against the base alone, against a pass for each adapter, and its low-rank half against
//! PyTorch's.

use std::sync::Arc;

use candle_core::{DType, Result, Tensor};

use super::{Found, Goal, Plan, Spread, shapes, timing::seconds, torch};
use crate::{
    device::Precision,
    model::{Config, Decoder, Projection, Shut, Site, projection_shape},
    peft::{Lora, Targets, lora},
    serve::{Batch, Packed, page::PagePool},
    train::fresh,
};

/// Rows of a batch, and adapters among them.
const ROWS: usize = 32;
const ADAPTERS: usize = 16;

/// Rank of each adapter.
const RANK: usize = 16;

/// The most that a mixed batch may add to the base's time.
const ADDED: f64 = 0.15;

/// A base and adapters on its q and v.
struct Fleet {
    config: Config,
    base: Decoder,
    loras: Vec<Lora>,
    packed: Vec<Arc<Packed>>,
}

/// Measures.
pub(super) fn run(plan: &Plan, found: &mut Found) {
    found.measure("mixed batches", |found| {
        let fleet = fleet(plan)?;
        for tokens in [1, 16] {
            let kind = if tokens == 1 { "BGMV" } else { "SGMV" };
            let about = format!("{kind}, {ROWS} rows of {tokens} tokens, {ADAPTERS} adapters of rank {RANK}");
            found.measure(&about, |found| passes(plan, &fleet, tokens, &about, found));
            found.measure(&format!("{about}, alone"), |found| alone(plan, &fleet, tokens, &about, found));
        }
        Ok(())
    });
}

fn fleet(plan: &Plan) -> Result<Fleet> {
    let (config, precision) = match plan.small {
        true => (shapes::small(), Precision::F32),
        false => (shapes::one_billion(), Precision::Bf16),
    };
    let base = fresh(&config, 0, &plan.device)?.in_precision(precision)?;
    let one = |seed| {
        let targets = Targets::from([Projection::Q, Projection::V]);
        Lora::new(&base, lora::Config { rank: RANK, targets, seed, ..Default::default() })
    };
    let loras = (0..ADAPTERS as u64).map(one).collect::<Result<Vec<_>>>()?;
    let pool = PagePool::new(1 << 30, 4 * config.intermediate_size);
    let packed = loras.iter().map(|lora| Packed::new(lora, &pool)).collect::<Result<Option<Vec<_>>>>()?;
    match packed {
        Some(packed) => Ok(Fleet { config, base, loras, packed }),
        None => candle_core::bail!("the pool has no room for {ADAPTERS} adapters"),
    }
}

fn rounds(plan: &Plan) -> usize {
    if plan.small { 2 } else { 7 }
}

fn batch(fleet: &Fleet, tokens: usize) -> Batch {
    Batch::new((0..ROWS).map(|row| (tokens, Some(Arc::clone(&fleet.packed[row * ADAPTERS / ROWS])))))
}

/// What a mixed batch adds to the base's time, and how often it fits into a loop's.
fn passes(plan: &Plan, fleet: &Fleet, tokens: usize, about: &str, found: &mut Found) -> Result<()> {
    let (base, share, rounds) = (&fleet.base, ROWS / ADAPTERS, rounds(plan));
    let ids = shapes::ids(&fleet.config, ROWS, tokens, &plan.device)?;
    let alone = seconds(&plan.device, rounds, || base.forward(&ids, &Shut).map(drop))?;
    // As a server does, each pass makes its batch and sends what the kernels need to know.
    let mixed = seconds(&plan.device, rounds, || base.forward(&ids, &batch(fleet, tokens)).map(drop))?;
    let looped = seconds(&plan.device, rounds, || {
        let mut passes = fleet.loras.iter().enumerate();
        passes.try_for_each(|(number, lora)| base.forward(&ids.narrow(0, number * share, share)?, lora).map(drop))
    })?;
    let goal = (!plan.small && tokens == 1).then_some(Goal::AtMost(ADDED));
    found.figure(format!("{about}: the base's pass"), "ms", alone.map(|seconds| 1e3 * seconds), None);
    found.figure(format!("{about}: added to the base's pass"), "of 1", mixed.map(|s| s / alone.median - 1.0), goal);
    found.figure(format!("{about}: a loop over adapters takes"), "times", looped.map(|s| s / mixed.median), None);
    Ok(())
}

/// The low-rank half at one projection, here and in PyTorch.
fn alone(plan: &Plan, fleet: &Fleet, tokens: usize, about: &str, found: &mut Found) -> Result<()> {
    let site = Site { layer: 0, projection: Projection::Q };
    let ([out, width], batch, rounds) =
        (projection_shape(&fleet.config, Projection::Q), batch(fleet, tokens), rounds(plan));
    let x = Tensor::ones((ROWS, tokens, width), DType::F32, &plan.device)?;
    let y = Tensor::zeros((ROWS, tokens, out), DType::F32, &plan.device)?;
    let ours = seconds(&plan.device, rounds, || batch.add(site, (out, width), y.clone(), &x).map(drop))?;
    let microseconds = |spread: Spread| spread.map(|seconds| 1e6 * seconds);
    let half = format!("{about}: the low-rank half alone, {width} to {out}");
    found.figure(half.clone(), "µs", microseconds(ours), None);
    let shape = torch::Shape { adapters: ADAPTERS, rank: RANK, rows: ROWS, tokens, width, out };
    match torch::seconds(plan, shape, rounds) {
        Ok(torch::Taken { version, grouped, gathered }) => {
            found.figure(format!("{half}, PyTorch {version}, batched products"), "µs", microseconds(grouped), None);
            found.figure(format!("{half}, PyTorch {version}, factors gathered"), "µs", microseconds(gathered), None);
        }
        Err(why) => found.notes.push(format!("{half}, by PyTorch: not measured: {why}")),
    }
    Ok(())
}
