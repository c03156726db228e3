//! Merging and combining: what survives the number format, and which sums are exact.

use super::Computation;
use crate::{
    claims::{
        Bench, Evidence,
        bench::{Recipe, of},
    },
    demos::{Error, lab},
    model::Shut,
    peft::{compose, merge},
};

pub(super) const ALL: &[Computation] =
    &[("merge-then-serve", merge_then_serve), ("merge-into-quantised", into_four_bits), ("compose-loras", sums)];

fn merge_then_serve(bench: &Bench) -> Result<Evidence, Error> {
    let run = bench.lora(&Recipe::default())?;
    let batch = lab::batch(16, 0)?;
    let live = bench.base().forward(&batch.ids, &run.method)?;
    let merged = merge(bench.base(), &run.method)?;
    let off = lab::norm(&(merged.model.forward(&batch.ids, &Shut)? - &live)?)? / lab::norm(&live)?;
    let demo = bench.demo("merge", &[])?;
    let (small, large) = (of(&demo, "bf16 error at 0.003")?, of(&demo, "bf16 error at 0.03")?);
    Ok(Evidence::new(
        "A trained LoRA merged into the tiny base in 32 bits; a random update merged into a Gaussian matrix in bf16",
    )
    .number("difference of the logits over their norm, 32 bits", off)
    .number("bf16: error over ‖ΔW‖ at ‖ΔW‖/‖W‖ = 0.3 %", small)
    .number("bf16: the same at 3 %", large)
    .expect("in 32 bits merged and unmerged agree", off < 1e-4)
    .expect("in bf16 the smaller the update the larger the share that is rounded away", small > large && small > 0.2))
}

fn into_four_bits(bench: &Bench) -> Result<Evidence, Error> {
    let (toy, real) = (bench.demo("merge", &[])?, bench.demo("qlora-merge", &[])?);
    let mut evidence = Evidence::new(
        "A random update merged into a Gaussian matrix in NF4; then a QLoRA adapter of the tiny base, four ways, held-out exact match, %",
    );
    for size in ["0.01", "0.03", "0.1"] {
        evidence = evidence.number(
            format!("codes that change at ‖ΔW‖/‖W‖ = {size}, %"),
            100.0 * of(&toy, &format!("nf4 codes changed at {size}"))?,
        );
    }
    for name in [
        "4-bit base, adapter beside it (as trained)",
        "merged into the dequantised base",
        "merged into the original base",
    ] {
        evidence = evidence.number(name, 100.0 * of(&real, &format!("exact match {name}"))?);
    }
    let (beside, dequantised) = (
        of(&real, "exact match 4-bit base, adapter beside it (as trained)")?,
        of(&real, "exact match merged into the dequantised base")?,
    );
    Ok(evidence
        .number("update of the tiny base that requantising loses, %", of(&real, "update lost")?)
        .expect("at 1 % not one code in a thousand changes", of(&toy, "nf4 codes changed at 0.01")? < 1e-3)
        .expect(
            "nothing of the update arrives: the error is the update itself, or more",
            of(&toy, "nf4 error at 0.01")? > 0.95,
        )
        .expect("requantising loses a part of a real update too", of(&real, "update lost")? > 1.0)
        .expect("merged into the dequantised base it works as it was trained", (beside - dequantised).abs() < 0.05))
}

fn sums(bench: &Bench) -> Result<Evidence, Error> {
    let (one, two) = (bench.lora(&Recipe::at_rank(8))?, bench.lora(&Recipe::at_rank(4))?);
    let combined = compose::combine(&[(&one.method, 0.7), (&two.method, 0.3)], compose::Combination::Cat)?;
    let mut worst = 0.0f64;
    for site in one.method.factors().keys() {
        let (Some(a), Some(b), Some(sum)) =
            (one.method.delta(*site)?, two.method.delta(*site)?, combined.delta(*site)?)
        else {
            continue;
        };
        let wanted = ((a * 0.7)? + (b * 0.3)?)?;
        worst = worst.max(lab::norm(&(sum - &wanted)?)? / lab::norm(&wanted)?);
    }
    let demo = bench.demo("compose", &[])?;
    let averaged = of(&demo, "error averaged factors")?;
    Ok(Evidence::new("Two trained adapters of the tiny base, r = 8 and r = 4, concatenated; two random ones averaged factor by factor")
        .number("concatenated, largest relative error", worst)
        .number("averaged factors, relative error", averaged)
        .number("SVD of the sum cut to the old rank, relative error", of(&demo, "error SVD of the sum, truncated")?)
        .expect("concatenation is exact, but for rounding", worst < 1e-4)
        .expect("averaged factors are another matrix: off by more than half", averaged > 0.5))
}
