//! When to use what: gaps to full fine-tuning, forgetting, cost of a step, dropout.

use candle_core::Tensor;

use super::Computation;
use crate::{
    claims::{
        Bench, Evidence, Finding,
        bench::{Recipe, of},
    },
    demos::{Error, lab},
    model::{Doors as _, Projection, Shut, Site},
    peft::Lora,
    train::skills::PRETRAINED,
};

pub(super) const ALL: &[Computation] = &[
    ("full-ft-one-to-two-points", points),
    ("lora-flops", flops),
    ("lora-forgets-less", forgets),
    ("lora-dropout-place", dropout),
];

fn points(bench: &Bench) -> Result<Evidence, Error> {
    let full = bench.full_score()?;
    let mut evidence = Evidence::new(
        "Full fine-tuning less LoRA on the tiny base's new skill, 40 steps: points of held-out exact match",
    )
    .number("full fine-tuning, %", full);
    let mut gaps = Vec::new();
    let runs = [
        ("r = 1", Recipe::at_rank(1)),
        ("r = 8", Recipe::at_rank(8)),
        ("r = 8, rate 0.001", Recipe { rate: 1e-3, ..Recipe::at_rank(8) }),
        ("r = 8 on q,v", Recipe { targets: &[Projection::Q, Projection::V], ..Recipe::at_rank(8) }),
    ];
    for (name, recipe) in runs {
        let gap = full - bench.lora_score(&recipe)?;
        evidence = evidence.number(format!("gap, {name}"), gap);
        gaps.push(gap);
    }
    let (least, most) =
        (gaps.iter().copied().fold(f64::INFINITY, f64::min), gaps.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    Ok(evidence.expect("no constant: rank, rate and targets move the gap by more than ten points", most - least > 10.0))
}

fn flops(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("flops", &[])?;
    let (n, r) = (4096.0, 16.0);
    let counted = (2.0 * n * n + 6.0 * n * r) / (3.0 * n * n);
    let timed = of(&demo, "ratio timed")?;
    Ok(Evidence::new(
        "Multiplications of a training step of one linear layer, LoRA over full; timed at width 768 on this machine",
    )
    .number("counted at N = 4096, r = 16, %", 100.0 * counted)
    .number("counted at N = 768, r = 16, %", 100.0 * of(&demo, "ratio counted")?)
    .timed("timed at N = 768, %", 100.0 * timed)
    .expect("about two thirds by count", (0.66..=0.70).contains(&counted))
    .expect("timed it is below a full step too", Finding::below(timed, 1.0, 0.02)))
}

fn forgets(bench: &Bench) -> Result<Evidence, Error> {
    let new = [lab::new_skill()?];
    let before = bench.held_out(bench.base(), &Shut, &PRETRAINED)?;
    let full = bench.full()?;
    let mut evidence = Evidence::new(
        "The tiny base after 40 steps on a new skill: held-out loss on the eight skills it knew, and on the new one; LoRA with α = 8",
    )
    .number("before, old skills", before);
    let full_old = bench.held_out(full.method.model(), &Shut, &PRETRAINED)?;
    evidence = evidence
        .number("full, old skills", full_old)
        .number("full, new skill", bench.held_out(full.method.model(), &Shut, &new)?);
    let mut old = Vec::new();
    for rank in [1, 8, 64] {
        // One α for all ranks: under Adam the first steps then go equally far (claim alpha-r-independent), and only the rank differs.
        let run = bench.lora(&Recipe { rank, ..Recipe::default() })?;
        let loss = bench.held_out(bench.base(), &run.method, &PRETRAINED)?;
        evidence = evidence
            .number(format!("LoRA r = {rank}, old skills"), loss)
            .number(format!("LoRA r = {rank}, new skill"), bench.held_out(bench.base(), &run.method, &new)?);
        old.push(loss);
    }
    let noise = 0.05 * full_old;
    Ok(evidence
        .expect("full fine-tuning forgets", full_old > before)
        .expect("LoRA at r = 8 forgets less", Finding::below(old[1], full_old, noise))
        .expect("and rank is the dial: r = 1 forgets less than r = 64", Finding::below(old[0], old[2], noise)))
}

fn dropout(bench: &Bench) -> Result<Evidence, Error> {
    let base = bench.base();
    let config = crate::peft::lora::Config {
        dropout: 0.5,
        init: crate::peft::lora::Init::BothRandom,
        ..Recipe::default().config()
    };
    let lora = Lora::new(base, config)?;
    let site = Site { layer: 0, projection: Projection::Q };
    let missing = || Error::Other(format!("no {site}"));
    let weight = base.projection(site).ok_or_else(missing)?;
    let factors = lora.factors().get(&site).ok_or_else(missing)?;
    // One input entry only: dropped, the branch is gone whole; kept, it is doubled. On the output it would be thinned entry by entry.
    let mut values = vec![0f32; weight.dims2()?.1];
    values[5] = 1.0;
    let x = Tensor::from_vec(values, (1, 1, weight.dims2()?.1), &lab::device())?;
    let (clean, branch) = (weight.apply(&x)?, factors.apply(&x)?);
    let gap = |a: &Tensor, b: &Tensor| Ok::<_, Error>(lab::norm(&(a - b)?)?);
    lora.dropout().train(true);
    let (mut gone, mut doubled, mut other) = (0, 0, 0);
    for _ in 0..200 {
        let seen = (lora.linear(site, weight, &x)? - &clean)?;
        if lab::norm(&seen)? == 0.0 {
            gone += 1;
        } else if gap(&seen, &(&branch * 2.0)?)? < 1e-5 {
            doubled += 1;
        } else {
            other += 1;
        }
    }
    lora.dropout().train(false);
    let evaluated = gap(&lora.linear(site, weight, &x)?, &(&clean + &branch)?)?;
    let demo = bench.demo("dropout", &[])?;
    Ok(Evidence::new("LoRA with p = 0.5 on q_proj of layer 0, an input with one entry, 200 passes in training")
        .number("passes in which the branch is gone whole", f64::from(gone))
        .number("passes in which it is doubled whole", f64::from(doubled))
        .number("passes in between", f64::from(other))
        .number("difference in evaluation", evaluated)
        .number(
            "one pass against the merged weight, p = 0.1, relative",
            of(&demo, "largest distance of one pass from the merged output")?,
        )
        .expect(
            "all or nothing: the input of A is dropped, not the output of BA, and the base's path never",
            other == 0 && gone > 50 && doubled > 50,
        )
        .expect("in evaluation nothing is dropped", evaluated == 0.0))
}
