//! `dora`: magnitude and direction (Liu et al. 2024, arXiv 2402.09353).
//!
//! `W' = diag(m / c)·(W0 + s·BA)` with c the row norms of `W0 + s·BA` and m trained, starting at the row norms of W0.

use ndarray::{Array1, Array2, Axis};

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, lab, toy};
use crate::analysis::spectrum::{effective_rank, energy_at};

pub(super) const DEMO: Demo = Demo {
    name: "dora",
    about: "DoRA starts as the base, is not low-rank, and what detaching the norm leaves out",
    args: &[
        ArgSpec { name: "rank", default: "4", help: "rank of the direction's LoRA, 1 to 32" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

const WIDTH: usize = 96;

fn run(args: &Args) -> Result<Report, Error> {
    let rank: usize = lab::number("dora", args, "rank", 4, 1..=32)?;
    let mut random = toy::random(lab::number("dora", args, "seed", 0, 0..=1_000_000)?);
    let base = toy::gaussian(WIDTH, WIDTH, 0.1, &mut random);
    let a = toy::gaussian(rank, WIDTH, 0.1, &mut random);
    let m = rows(&base);
    let fresh = merged(&base, &Array2::zeros((WIDTH, rank)).dot(&a), &m);
    // As after some training: B has moved, and so has m.
    let update = toy::gaussian(WIDTH, rank, 0.1, &mut random).dot(&a);
    let trained = &m * &(1.0 + 0.1 * toy::normal(WIDTH, &mut random));
    let delta = &merged(&base, &update, &trained) - &base;
    let (lora, dora) = (toy::spectrum(&update)?, toy::spectrum(&delta)?);

    // Gradient by V = W0 + s·BA for a random G: exact, and with the norm held constant.
    let v = &base + &update;
    let gradient = toy::gaussian(WIDTH, WIDTH, 1.0, &mut random);
    let norms = rows(&v);
    let detached = &gradient * &(&trained / &norms).insert_axis(Axis(1));
    let unit = &v / &norms.view().insert_axis(Axis(1));
    let along = (&detached * &unit).sum_axis(Axis(1)).insert_axis(Axis(1));
    let exact = &detached - &(&unit * &along);
    let leak = toy::norm(&(&unit * &along)) / toy::norm(&detached);
    let inner = (&exact * &unit).sum_axis(Axis(1)).mapv(f32::abs).fold(0f32, |most, value| most.max(*value));

    let curve = |name: &str, spectrum: &[f64]| Series {
        name: name.to_owned(),
        points: spectrum
            .iter()
            .enumerate()
            .filter(|(_, s)| **s > 1e-6 * spectrum[0])
            .map(|(i, s)| (i as f64 + 1.0, s / spectrum[0]))
            .collect(),
    };
    let row = |name: &str, matrix: &Array2<f32>, spectrum: &[f64]| -> Result<Vec<super::Value>, Error> {
        let exact = toy::rank(matrix)? as u64;
        Ok(vec![name.into(), exact.into(), effective_rank(spectrum).into(), (100.0 * energy_at(spectrum, rank)).into()])
    };
    Ok(Report::new("dora", format!("Direction by LoRA of rank {rank}, magnitude by a vector"))
        .number("difference at the start", toy::distance(&fresh, &base))
        .number("rank of LoRA's update", toy::rank(&update)? as f64)
        .number("rank of DoRA's update", toy::rank(&delta)? as f64)
        .number("share of the gradient along the rows", leak)
        .number("exact gradient along a row, at most", f64::from(inner))
        .line(format!("With B = 0 and m the row norms of W0 the layer is the base, but for rounding ({:.1e}).", toy::distance(&fresh, &base)))
        .line("The magnitude rescales every row of W0, so ΔW has full rank although few numbers train: W' is not a low-rank update.")
        .line(format!("The exact gradient is orthogonal to every row; the detached one keeps a part along the rows, here {:.0} % of its norm. The paper detaches to save memory.", 100.0 * leak))
        .line("One magnitude per output row: not one per matrix.")
        .table("ΔW after a step", &["method", "rank", "effective rank", &format!("energy at {rank}, %")], vec![row("LoRA", &update, &lora)?, row("DoRA", &delta, &dora)?])
        .figure("Singular values of ΔW over the largest", ("index", "σ / σ₁"), (false, true), Chart::Lines(vec![curve("LoRA", &lora), curve("DoRA", &dora)])))
}

/// Euclidean norm of each row.
fn rows(matrix: &Array2<f32>) -> Array1<f32> {
    (matrix * matrix).sum_axis(Axis(1)).mapv(f32::sqrt)
}

/// diag(m / c)(W0 + update).
fn merged(base: &Array2<f32>, update: &Array2<f32>, m: &Array1<f32>) -> Array2<f32> {
    let v = base + update;
    let scale = m / &rows(&v);
    &v * &scale.insert_axis(Axis(1))
}
