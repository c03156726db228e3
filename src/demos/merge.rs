//! `merge`: what merging does to an update: the scale, 16-bit rounding, and a 4-bit base.

use ndarray::Array2;

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, lab, toy};
use crate::quant::{Codebook, quantise};

pub(super) const DEMO: Demo = Demo {
    name: "merge",
    about: "merging an adapter: a forgotten scale, bf16 rounding, and what is left in a 4-bit base",
    args: &[
        ArgSpec { name: "scale", default: "2", help: "alpha/r of the adapter, 0.01 to 100" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

const WIDTH: usize = 256;

const RANK: usize = 8;

/// Sizes of the update against the weight.
const SIZES: [f64; 5] = [0.1, 0.03, 0.01, 0.003, 0.001];

fn run(args: &Args) -> Result<Report, Error> {
    let scale = lab::number("merge", args, "scale", 2.0, 0.01..=100.0)?;
    let mut random = toy::random(lab::number("merge", args, "seed", 0, 0..=1_000_000)?);
    let base = toy::gaussian(WIDTH, WIDTH, 0.02, &mut random);
    let product = toy::gaussian(WIDTH, RANK, 1.0, &mut random).dot(&toy::gaussian(RANK, WIDTH, 1.0, &mut random));
    let table = Codebook::nf4();
    let failed = |error: crate::quant::NotFinite| Error::Other(error.to_string());
    let coded = quantise(base.as_slice().unwrap_or_default(), 64, &table).map_err(failed)?;
    let grid = matrix(coded.dequantise())?;

    let (mut rows, mut curves) = (Vec::new(), [Vec::new(), Vec::new()]);
    let mut report = Report::new("merge", "W0 + s·BA, once and for all: what survives?");
    for size in SIZES {
        // `unscaled` is BA; the adapter's update is s·BA of the wanted size.
        let unscaled = &product * (size * toy::norm(&base) / toy::norm(&product) / scale) as f32;
        let update = &unscaled * scale as f32;
        let merged = (&base + &update).mapv(bf16);
        let half = toy::distance(&(&merged - &base.mapv(bf16)), &update);
        let unmerged = (&merged - &update).mapv(bf16);
        let exact =
            unmerged.iter().zip(base.mapv(bf16).iter()).filter(|(a, b)| a == b).count() as f64 / base.len() as f64;
        let again = quantise((&grid + &update).as_slice().unwrap_or_default(), 64, &table).map_err(failed)?;
        let changed =
            (0..base.len()).filter(|&index| again.code(index) != coded.code(index)).count() as f64 / base.len() as f64;
        let four = toy::distance(&(&matrix(again.dequantise())? - &grid), &update);
        let forgotten = toy::distance(&unscaled, &update);
        report = report
            .number(format!("bf16 error at {size}"), half)
            .number(format!("nf4 codes changed at {size}"), changed)
            .number(format!("nf4 error at {size}"), four)
            .number("error without the scale", forgotten);
        rows.push(vec![
            (100.0 * size).into(),
            (100.0 * half).into(),
            (100.0 * exact).into(),
            (100.0 * changed).into(),
            (100.0 * four).into(),
            (100.0 * forgotten).into(),
        ]);
        curves[0].push((size, 100.0 * half));
        curves[1].push((size, 100.0 * four));
    }
    let [half, four] = curves;
    let series =
        vec![Series { name: "bf16".to_owned(), points: half }, Series { name: "NF4".to_owned(), points: four }];
    Ok(report
        .line("Merged into bf16 a small update is rounded, and taking it out again does not bring every weight back.")
        .line("Merged into NF4 it mostly vanishes: dequantised weights lie on the grid, and a change under half a gap snaps back. An error of 100 % means that nothing is left.")
        .line(format!("Forgetting the scale (here {scale}) loses |1 − 1/s| of the update, at any precision."))
        .table(
            "Relative error of the update that arrives",
            &["‖ΔW‖/‖W0‖, %", "bf16 error, %", "weights that unmerge, %", "NF4 codes changed, %", "NF4 error, %", "without s, %"],
            rows,
        )
        .figure("Error of the merged update", ("‖ΔW‖ / ‖W0‖", "%"), (true, true), Chart::Lines(series)))
}

/// Rounds to the nearest bfloat16, ties to even.
fn bf16(value: f32) -> f32 {
    half::bf16::from_f32(value).to_f32()
}

fn matrix(values: Vec<f32>) -> Result<Array2<f32>, Error> {
    Array2::from_shape_vec((WIDTH, WIDTH), values).map_err(|error| Error::Other(error.to_string()))
}
