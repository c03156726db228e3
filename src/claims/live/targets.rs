//! Which matrices to adapt, at equal numbers of trained parameters.

use super::Computation;
use crate::{
    claims::{Bench, Evidence, Finding, bench::Recipe},
    demos::{Error, toy},
    model::Projection::{self, Q, V},
    peft::Method as _,
};

pub(super) const ALL: &[Computation] =
    &[("lora-form", form), ("where-to-apply", everywhere), ("more-matrices-better", more_matrices)];

fn form(_: &Bench) -> Result<Evidence, Error> {
    let mut random = toy::random(0);
    let (d, k, r) = (96, 128, 8);
    let base = toy::gaussian(d, k, 1.0, &mut random);
    let product = toy::gaussian(d, r, 1.0, &mut random).dot(&toy::gaussian(r, k, 1.0, &mut random));
    let (low, high) = (toy::rank(&product)?, toy::rank(&(&base + &product))?);
    Ok(Evidence::new("Random matrices, 96×128, r = 8")
        .number("rank of BA", low as f64)
        .number("rank of W0 + BA", high as f64)
        .expect("BA has rank r", low == r)
        .expect("the sum keeps full rank", high == d))
}

/// Learning rates of the sweep; the best counts, for each choice of targets.
const RATES: [f64; 2] = [1e-2, 3e-2];

/// Steps of each run.
const STEPS: usize = 25;

/// A difference of losses under this share of the larger one is noise between seeds.
const NOISE: f64 = 0.1;

/// The same budget of about 36,000 parameters three ways. On one projection it buys a rank of 28, on all seven of 3.
const CHOICES: [(&str, usize, &[Projection]); 3] =
    [("q, r = 28", 28, &[Q]), ("q,v, r = 16", 16, &[Q, V]), ("all linear, r = 3", 3, &Projection::ALL)];

/// Name, trained parameters and best loss of each choice.
fn losses(
    bench: &Bench,
    choices: &[(&'static str, usize, &'static [Projection])],
) -> Result<Vec<(&'static str, f64, f64)>, Error> {
    let mut rows = Vec::new();
    for (name, rank, targets) in choices {
        let mut best = (0.0, f64::INFINITY);
        for rate in RATES {
            let recipe = Recipe { rank: *rank, alpha: *rank as f64, targets, rate, steps: STEPS, ..Recipe::default() };
            let run = bench.lora(&recipe)?;
            best = (run.method.parameter_count() as f64, best.1.min(run.last()));
        }
        rows.push((*name, best.0, best.1));
    }
    Ok(rows)
}

fn shown(about: &str, rows: &[(&str, f64, f64)]) -> Evidence {
    rows.iter().fold(Evidence::new(about), |evidence, (name, trained, loss)| {
        evidence.number(format!("{name}: trained"), *trained).number(format!("{name}: loss"), *loss)
    })
}

fn everywhere(bench: &Bench) -> Result<Evidence, Error> {
    let rows = losses(bench, &CHOICES[1..])?;
    let [(_, small, attention), (_, large, all)] = rows[..] else { return Err(Error::Other("two choices".to_owned())) };
    Ok(shown(
        "The tiny base's new skill at equal budgets, each at the better of two learning rates: loss after 25 steps",
        &rows,
    )
    .expect("the budgets agree within five per cent", (small / large - 1.0).abs() < 0.05)
    .expect(
        "all layers at a low rank beat q and v at a high one",
        Finding::below(all, attention, NOISE * attention.max(all)),
    ))
}

fn more_matrices(bench: &Bench) -> Result<Evidence, Error> {
    let rows = losses(bench, &CHOICES)?;
    let (one, all) = (rows[0].2, rows[2].2);
    let spread =
        rows.iter().map(|row| row.1).fold(0f64, f64::max) / rows.iter().map(|row| row.1).fold(f64::INFINITY, f64::min);
    Ok(shown("One budget on q alone, on q and v, on all projections: loss after 25 steps", &rows)
        .expect("the budgets agree within five per cent", spread < 1.05)
        .expect(
            "spread over more matrices the same number of parameters does better",
            Finding::below(all, one, NOISE * one.max(all)),
        ))
}
