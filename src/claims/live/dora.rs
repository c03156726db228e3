//! DoRA: its form, the detached norm, merging, and its gain over LoRA with both tuned.

use super::Computation;
use crate::{
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, of},
    },
    demos::{Error, lab, toy},
    model::{Projection, Shut, Site},
    peft::{Dora, Method as _, merge},
};

pub(super) const ALL: &[Computation] =
    &[("dora-form", form), ("dora-detach", detach), ("dora-mergeable", mergeable), ("dora-low-rank-gain", gain)];

fn form(bench: &Bench) -> Result<Evidence, Error> {
    let base = bench.base();
    let dora = Dora::new(base, Recipe::default().config())?;
    let batch = lab::batch(4, 0)?;
    let clean = base.forward(&batch.ids, &Shut)?;
    let shift = lab::norm(&(base.forward(&batch.ids, &dora)? - &clean)?)? / lab::norm(&clean)?;
    let site = Site { layer: 0, projection: Projection::Up };
    let missing = || Error::Other(format!("no {site}"));
    let (parts, weight) =
        (dora.parts().get(&site).ok_or_else(missing)?, base.projection(site).ok_or_else(missing)?.dense()?);
    // One magnitude changed: which rows of the merged weight move?
    let mut magnitude = parts.magnitude.to_vec1::<f32>()?;
    magnitude[3] *= 2.0;
    parts.magnitude.set(&candle_core::Tensor::from_vec(magnitude, parts.magnitude.shape(), &lab::device())?)?;
    let merged = merge(base, &dora)?.model;
    let moved = (merged.projection(site).ok_or_else(missing)?.dense()? - weight)?.abs()?.max(1)?.to_vec1::<f32>()?;
    let rows = moved.iter().filter(|most| **most > 1e-4).count();
    Ok(Evidence::new("A fresh DoRA on the tiny base, then one entry of one m doubled")
        .number("shift of the logits, fresh, over their norm", shift)
        .number("entries of m at up_proj (out 384, in 128)", parts.magnitude.elem_count() as f64)
        .number("rows of the merged weight that moved", rows as f64)
        .expect("the fresh model is the base, but for rounding", shift < 1e-5)
        .expect("one magnitude for each output", parts.magnitude.elem_count() == 384)
        .expect("one magnitude moves one output, and no other", rows == 1 && moved[3] > 1e-4))
}

fn detach(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("dora", &[])?;
    let (leak, exact) =
        (of(&demo, "share of the gradient along the rows")?, of(&demo, "exact gradient along a row, at most")?);
    Ok(Evidence::new("The gradient of V = W0 + BA for a random loss, exact and with the norm held constant, 96×96")
        .number("exact gradient along a row, at most", exact)
        .number("detached gradient along the rows, % of its norm", 100.0 * leak)
        .expect("the exact gradient is orthogonal to every row", exact < 1e-4)
        .expect("the detached one is not", leak > 0.01))
}

fn mergeable(bench: &Bench) -> Result<Evidence, Error> {
    let base = bench.base();
    let dora = Dora::new(base, Recipe::at_rank(4).config())?;
    bench.train(base, &dora, dora.variables(), 5, 1e-2)?;
    let batch = lab::batch(4, 0)?;
    let live = base.forward(&batch.ids, &dora)?;
    let merged = merge(base, &dora)?;
    let off = lab::norm(&(merged.model.forward(&batch.ids, &Shut)? - &live)?)? / lab::norm(&live)?;
    let site = Site { layer: 2, projection: Projection::Q };
    let missing = || Error::Other(format!("no {site}"));
    let weight = |model: &crate::model::Decoder| -> Result<_, Error> {
        lab::matrix(&model.projection(site).ok_or_else(missing)?.dense()?)
    };
    let delta = weight(&merged.model)? - weight(base)?;
    let back = lab::norm(
        &(merged.unmerge(&dora)?.projection(site).ok_or_else(missing)?.dense()?
            - base.projection(site).ok_or_else(missing)?.dense()?)?,
    )?;
    let rank = toy::rank(&delta)?;
    Ok(Evidence::new("DoRA at r = 4, five steps on the tiny base, merged; q_proj of layer 2, 128×128")
        .number("difference of the logits over their norm", off)
        .number("rank of W' − W0", rank as f64)
        .number("distance from the base after unmerging with the kept norms", back)
        .expect("merged and unmerged agree, but for rounding", off < 1e-4)
        .expect("the update is not low-rank: more than ten times r", rank > 40)
        .expect("with the norms the base comes back, but for rounding", back < 1e-3))
}

/// Learning rates of the sweep.
const RATES: [f64; 3] = [3e-3, 1e-2, 3e-2];

/// Steps of each run.
const STEPS: usize = 25;

fn gain(bench: &Bench) -> Result<Evidence, Error> {
    let mut evidence =
        Evidence::new("LoRA and DoRA at r = 2 on the tiny base over three learning rates, 25 steps: loss at the end");
    let mut losses = [Vec::new(), Vec::new()];
    for rate in RATES {
        let recipe = Recipe { rate, steps: STEPS, ..Recipe::at_rank(2) };
        let lora = bench.lora(&recipe)?.last();
        let dora = Dora::new(bench.base(), recipe.config())?;
        let curve = bench.train(bench.base(), &dora, dora.variables(), STEPS, rate)?;
        evidence =
            evidence.number(format!("LoRA, rate {rate}"), lora).number(format!("DoRA, rate {rate}"), lab::tail(&curve));
        losses[0].push(lora);
        losses[1].push(lab::tail(&curve));
    }
    let best = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
    let worst = |losses: &[f64]| losses.iter().copied().fold(0.0, f64::max);
    let (lora, dora) = (best(&losses[0]), best(&losses[1]));
    let rate_matters = worst(&losses[0]) - lora;
    Ok(evidence.number("LoRA at its best", lora).number("DoRA at its best", dora).expect(
        "the learning rate moves LoRA by more than the choice of the method does, each at its best",
        Finding::above(rate_matters, (lora - dora).abs(), 0.02),
    ))
}
