//! `compose`: two adapters into one. Concatenated factors are exact; averaged factors are not the average of the updates.

use ndarray::{Axis, concatenate};

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab, toy};

pub(super) const DEMO: Demo = Demo {
    name: "compose",
    about: "two LoRAs combined by sum, concatenation, averaged factors and truncated SVD",
    args: &[
        ArgSpec { name: "rank", default: "8", help: "rank of each, 1 to 32" },
        ArgSpec { name: "weight", default: "0.5", help: "weight of the first; the second gets the rest, 0 to 1" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

const WIDTH: usize = 128;

fn run(args: &Args) -> Result<Report, Error> {
    let rank: usize = lab::number("compose", args, "rank", 8, 1..=32)?;
    let weight = lab::number("compose", args, "weight", 0.5f32, 0.0..=1.0)?;
    let mut random = toy::random(lab::number("compose", args, "seed", 0, 0..=1_000_000)?);
    let mut draw = |rows, columns| toy::gaussian(rows, columns, 1.0, &mut random);
    let (a1, b1, a2, b2) = (draw(rank, WIDTH), draw(WIDTH, rank), draw(rank, WIDTH), draw(WIDTH, rank));
    let rest = 1.0 - weight;
    let wanted = weight * b1.dot(&a1) + rest * b2.dot(&a2);
    let failed = |error: ndarray::ShapeError| Error::Other(error.to_string());
    let b = concatenate(Axis(1), &[b1.view(), b2.view()]).map_err(failed)?;
    let a = concatenate(Axis(0), &[(weight * &a1).view(), (rest * &a2).view()]).map_err(failed)?;
    let averaged = (weight * &b1 + rest * &b2).dot(&(weight * &a1 + rest * &a2));
    let svd = toy::decompose(&wanted)?;
    let keep = rank.min(svd.s.len());
    let (left, right) = (svd.u.view().split_at(Axis(1), keep).0, svd.vt.view().split_at(Axis(0), keep).0);
    let sigma = svd.s.view().split_at(Axis(0), keep).0;
    let truncated = (&left * &sigma).dot(&right).mapv(|value| value as f32);
    let results = [
        ("concatenated factors", b.dot(&a), 2 * rank),
        ("SVD of the sum, truncated", truncated, rank),
        ("averaged factors", averaged, rank),
    ];
    let mut report = Report::new("compose", format!("{weight}·ΔW₁ + {rest}·ΔW₂, three ways"));
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for (name, matrix, size) in results {
        let error = toy::distance(&matrix, &wanted);
        report = report.number(format!("error {name}"), error);
        rows.push(vec![name.into(), (size as u64).into(), (100.0 * error).into()]);
        bars.push((name.to_owned(), 100.0 * error));
    }
    Ok(report
        .line("The sum of two updates is exactly one adapter of twice the rank: stack B side by side and A on top of each other, each with its weight and scale.")
        .line("Averaging A with A and B with B multiplies out to four terms, two of them crossed: a different matrix.")
        .line("At the old rank the truncated SVD is the best there is; for two unrelated updates it loses about half the energy.")
        .table("Distance from the sum of the updates", &["way", "rank", "relative error, %"], rows)
        .figure("Error of the combined update", ("", "%"), (false, false), Chart::Bars(bars)))
}
