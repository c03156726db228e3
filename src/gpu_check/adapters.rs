//! A mixed batch: rows of different LoRAs in one pass, against the base alone and against a pass for each adapter.

use std::sync::Arc;

use candle_core::Result;

use super::{Figure, Found, Goal, Plan, Spread, shapes, timing::seconds};
use crate::{
    device::Precision,
    model::{Config, Decoder, Projection, Shut, one_line},
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

/// Measures.
pub(super) fn run(plan: &Plan, found: &mut Found) -> Result<()> {
    let (config, precision) = match plan.small {
        true => (shapes::small(), Precision::F32),
        false => (shapes::one_billion(), Precision::Bf16),
    };
    let base = fresh(&config, 0, &plan.device)?.in_precision(precision)?;
    for tokens in [1, 16] {
        match times(plan, &config, &base, tokens) {
            Ok([added, looped]) => {
                let kind = if tokens == 1 { "BGMV" } else { "SGMV" };
                let about = format!("{kind}, {ROWS} rows of {tokens} tokens, {ADAPTERS} adapters of rank {RANK}");
                let goal = (!plan.small && tokens == 1).then_some(Goal::AtMost(ADDED));
                let unit = "of 1".to_owned();
                found.figures.push(Figure {
                    name: format!("{about}: added to the base's pass"),
                    unit,
                    value: added,
                    goal,
                });
                let unit = "times".to_owned();
                found.figures.push(Figure {
                    name: format!("{about}: a loop over adapters takes"),
                    unit,
                    value: looped,
                    goal: None,
                });
            }
            Err(error) => found
                .notes
                .push(format!("the mixed batch of {tokens} tokens a row was not measured: {}", one_line(&error))),
        }
    }
    found.notes.push("PyTorch's grouped product is not called by this check".to_owned());
    Ok(())
}

/// What a mixed batch adds to the base's time, and how often it fits into a loop's.
fn times(plan: &Plan, config: &Config, base: &Decoder, tokens: usize) -> Result<[Spread; 2]> {
    let rounds = if plan.small { 2 } else { 7 };
    let one = |seed| {
        let targets = Targets::from([Projection::Q, Projection::V]);
        Lora::new(base, lora::Config { rank: RANK, targets, seed, ..Default::default() })
    };
    let loras = (0..ADAPTERS as u64).map(one).collect::<Result<Vec<_>>>()?;
    let pool = PagePool::new(1 << 30, 4 * config.intermediate_size);
    let packed = loras.iter().map(|lora| Packed::new(lora, &pool)).collect::<Result<Option<Vec<_>>>>()?;
    let Some(packed) = packed else { candle_core::bail!("the pool has no room for {ADAPTERS} adapters") };
    let share = ROWS / ADAPTERS;
    let batch = Batch::new((0..ROWS).map(|row| (tokens, Some(Arc::clone(&packed[row / share])))));
    let ids = shapes::ids(config, ROWS, tokens, &plan.device)?;
    let alone = seconds(&plan.device, rounds, || base.forward(&ids, &Shut).map(drop))?;
    let mixed = seconds(&plan.device, rounds, || base.forward(&ids, &batch).map(drop))?;
    let looped = seconds(&plan.device, rounds, || {
        loras
            .iter()
            .enumerate()
            .try_for_each(|(number, lora)| base.forward(&ids.narrow(0, number * share, share)?, lora).map(drop))
    })?;
    Ok([mixed.map(|seconds| seconds / alone.median - 1.0), looped.map(|seconds| seconds / mixed.median)])
}
