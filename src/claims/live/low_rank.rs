//! How low the rank of an update is: full fine-tuning's, LoRA's, and that of a random direction.

use ndarray::{Array2, Axis};

use super::Computation;
use crate::{
    analysis::spectrum::energy_at,
    claims::{
        Bench, Evidence,
        bench::{Recipe, of},
    },
    demos::{Error, lab, toy},
    linalg::Svd,
    model::Projection,
    peft::Lora,
};

pub(super) const ALL: &[Computation] = &[
    ("full-ft-update-low-rank", full_update),
    ("lora-paper-low-rank-evidence", paper_evidence),
    ("small-r-confirms-intrinsic-dimension", random_direction),
];

/// The share of the variance that counts, as in Biderman et al.
const SHARE: f64 = 0.9;

fn full_update(bench: &Bench) -> Result<Evidence, Error> {
    let full = bench.full()?;
    let (mut needed, mut ranks, mut at_eight) = (Vec::new(), Vec::new(), Vec::new());
    for site in full.method.sites() {
        let spectrum = toy::spectrum(&lab::matrix(&full.method.delta(bench.base(), site)?)?)?;
        needed.push(
            (1..=spectrum.len()).find(|rank| energy_at(&spectrum, *rank) >= SHARE).unwrap_or(spectrum.len()) as f64
        );
        ranks.push(spectrum.len() as f64);
        at_eight.push(energy_at(&spectrum, 8));
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let full_score = bench.full_score()?;
    // The smallest rank at which LoRA learns the same task here.
    let mut enough = None;
    for rank in [1, 2, 8] {
        if enough.is_none() && bench.lora_score(&Recipe::at_rank(rank))? >= SHARE * full_score {
            enough = Some(rank as f64);
        }
    }
    let (needed, enough) = (mean(&needed), enough.unwrap_or(f64::INFINITY));
    Ok(Evidence::new("The tiny base fully fine-tuned on a new skill: ranks of ΔW, mean over its 35 matrices")
        .number("rank that holds 90 % of the variance", needed)
        .number("full rank", mean(&ranks))
        .number("variance in 8 directions, %", 100.0 * mean(&at_eight))
        .number("smallest LoRA rank with 90 % of the score", enough)
        .number("the one over the other", needed / enough)
        .expect(
            "as in the paper, ΔW needs at least ten times the rank with which LoRA does the task",
            needed >= 10.0 * enough,
        ))
}

/// Singular directions of one update, and the base's weight at its site.
fn update(bench: &Bench, rank: usize) -> Result<(Svd, Array2<f64>, Svd), Error> {
    let run = bench.lora(&Recipe::at_rank(rank))?;
    let site = crate::model::Site { layer: 2, projection: Projection::Q };
    let missing = || Error::Other(format!("no {site}"));
    let delta = run.method.delta(site)?.ok_or_else(missing)?;
    let factors = run.method.factors().get(&site).ok_or_else(missing)?;
    let weight = bench.base().projection(site).ok_or_else(missing)?.dense()?;
    let a = toy::decompose(&lab::matrix(&factors.a.as_detached_tensor())?)?;
    Ok((toy::decompose(&lab::matrix(&delta)?)?, lab::matrix(&weight)?.mapv(f64::from), a))
}

/// ‖ΔW‖ over ‖UᵀWV‖ in ΔW's own `rank` directions (§7.3).
fn amplification(delta: &Svd, weight: &Array2<f64>, rank: usize) -> (f64, f64) {
    let u = delta.u.view().split_at(Axis(1), rank).0.to_owned();
    let v = delta.vt.view().split_at(Axis(0), rank).0.to_owned();
    let frobenius = |m: &Array2<f64>| m.iter().map(|x| x * x).sum::<f64>().sqrt();
    let size = delta.s.iter().map(|s| s * s).sum::<f64>().sqrt();
    (size, size / frobenius(&u.t().dot(weight).dot(&v.t())))
}

/// φ(i, j): how much the first i right directions of one A lie in the first j of another (§7.2).
fn overlap(a: &Svd, b: &Svd, i: usize, j: usize) -> f64 {
    let first = a.vt.view().split_at(Axis(0), i).0.to_owned();
    let second = b.vt.view().split_at(Axis(0), j).0.to_owned();
    first.dot(&second.t()).iter().map(|x| x * x).sum::<f64>() / i.min(j) as f64
}

fn paper_evidence(bench: &Bench) -> Result<Evidence, Error> {
    let (low, weight, a_low) = update(bench, 4)?;
    let (high, _, a_high) = update(bench, 64)?;
    let ((size_low, times_low), (size_high, times_high)) =
        (amplification(&low, &weight, 4), amplification(&high, &weight, 64));
    let fresh = Lora::new(bench.base(), Recipe::at_rank(4).config())?;
    let trained = bench.lora(&Recipe::at_rank(4))?;
    let (mut moved, mut whole) = (0.0, 0.0);
    for (site, factors) in fresh.factors() {
        let now = trained.method.factors().get(site).map_or(&factors.a, |factors| &factors.a);
        moved += lab::norm(&(now.as_detached_tensor() - factors.a.as_detached_tensor())?)?.powi(2);
        whole += lab::norm(factors.a.as_tensor())?.powi(2);
    }
    let (one, many) = (overlap(&a_low, &a_high, 1, 1), overlap(&a_low, &a_high, 4, 4));
    Ok(Evidence::new("The paper's own measures, for q_proj of layer 2 of the tiny base, trained at r = 4 and r = 64")
        .number("‖W‖", weight.iter().map(|x| x * x).sum::<f64>().sqrt())
        .number("‖ΔW‖, r = 4", size_low)
        .number("‖ΔW‖, r = 64", size_high)
        .number("amplification, r = 4", times_low)
        .number("amplification, r = 64", times_high)
        .number("how far A went from its random start, over its norm, r = 4", (moved / whole).sqrt())
        .number("φ of the first direction of both A", one)
        .number("φ of the first four", many)
        .expect("ΔW amplifies its directions more at the low rank than at the high one", times_low > times_high)
        .expect("the two A share their first direction: φ(1, 1) above 0.5", one > 0.5)
        .expect("and hardly the rest: φ(4, 4) below 0.5", many < 0.5))
}

fn random_direction(bench: &Bench) -> Result<Evidence, Error> {
    let demo = bench.demo("random-direction", &[])?;
    let (direction, lora) = (of(&demo, "rank of one random direction")?, of(&demo, "rank of LoRA update")?);
    Ok(Evidence::new("One random direction of the parameters as a 128×128 matrix, beside a LoRA update of rank 8")
        .number("trained numbers of the direction", 1.0)
        .number("rank of the direction", direction)
        .number("trained numbers of the LoRA update", 2.0 * 8.0 * 128.0)
        .number("rank of the LoRA update", lora)
        .expect("one degree of freedom, full rank", direction == 128.0)
        .expect("two thousand degrees of freedom, rank 8", lora == 8.0))
}
