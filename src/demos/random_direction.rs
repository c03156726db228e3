//! `random-direction`: a random direction of the parameters is no low-rank matrix.
//!
//! Intrinsic dimension (Aghajanyan et al. 2020, arXiv 2012.13255) restricts training to few random directions of *all* parameters. One
//! such direction, reshaped to a weight matrix, has full rank: low intrinsic dimension is not low matrix rank.

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, lab, toy};
use crate::analysis::spectrum::{effective_rank, energy_at};

pub(super) const DEMO: Demo = Demo {
    name: "random-direction",
    about: "one random direction of all parameters, reshaped to a matrix, has full rank",
    args: &[
        ArgSpec { name: "width", default: "128", help: "rows and columns, 8 to 512" },
        ArgSpec { name: "rank", default: "8", help: "rank of the LoRA update beside it, 1 to 64" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

fn run(args: &Args) -> Result<Report, Error> {
    let width = lab::number("random-direction", args, "width", 128, 8..=512)?;
    let rank: usize = lab::number("random-direction", args, "rank", 8, 1..=64)?;
    let mut random = toy::random(lab::number("random-direction", args, "seed", 0, 0..=1_000_000)?);
    let direction = toy::gaussian(width, width, 1.0, &mut random);
    let lora = toy::gaussian(width, rank, 1.0, &mut random).dot(&toy::gaussian(rank, width, 1.0, &mut random));
    let mut report =
        Report::new("random-direction", format!("One number to train, a {width}×{width} matrix that moves"));
    let (mut rows, mut curves) = (Vec::new(), Vec::new());
    for (name, matrix, trained) in [("one random direction", &direction, 1), ("LoRA update", &lora, 2 * rank * width)] {
        let spectrum = toy::spectrum(matrix)?;
        let exact = toy::rank(matrix)?;
        report = report.number(format!("rank of {name}"), exact as f64);
        rows.push(vec![
            name.into(),
            (trained as u64).into(),
            (exact as u64).into(),
            effective_rank(&spectrum).into(),
            (100.0 * energy_at(&spectrum, rank)).into(),
        ]);
        let points = spectrum
            .iter()
            .enumerate()
            .filter(|(_, s)| **s > 1e-6 * spectrum[0])
            .map(|(i, s)| (i as f64 + 1.0, s / spectrum[0]));
        curves.push(Series { name: name.to_owned(), points: points.collect() });
    }
    Ok(report
        .line("Moving along one random direction trains a single number, yet the matrix it changes has full rank.")
        .line("So \"low intrinsic dimension, hence low-rank ΔW\" does not follow: the two count different things.")
        .table(
            "Degrees of freedom against rank",
            &["update", "trained numbers", "rank", "effective rank", &format!("energy at {rank}, %")],
            rows,
        )
        .figure("Singular values over the largest", ("index", "σ / σ₁"), (false, true), Chart::Lines(curves)))
}
