//! `batch`: one batch, many adapters, one base matmul (Punica, arXiv 2310.18547; S-LoRA, arXiv 2311.03285).

use std::time::Instant;

use ndarray::Array2;

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab, toy};
use crate::analysis::{
    arch::Architecture,
    params::{Method, trainable},
};

pub(super) const DEMO: Demo = Demo {
    name: "batch",
    about: "a mixed-adapter batch against one run per adapter, and the bytes a decode step reads",
    args: &[
        ArgSpec { name: "requests", default: "32", help: "rows in the batch, each with its own adapter, 1 to 128" },
        ArgSpec { name: "rank", default: "16", help: "rank, 1 to 64" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

/// Width of the toy layer.
const WIDTH: usize = 512;

fn run(args: &Args) -> Result<Report, Error> {
    let requests: usize = lab::number("batch", args, "requests", 32, 1..=128)?;
    let rank: usize = lab::number("batch", args, "rank", 16, 1..=64)?;
    let mut random = toy::random(lab::number("batch", args, "seed", 0, 0..=1_000_000)?);
    let base = toy::gaussian(WIDTH, WIDTH, 0.02, &mut random);
    let inputs = toy::gaussian(requests, WIDTH, 1.0, &mut random);
    let adapters: Vec<_> = (0..requests)
        .map(|_| (toy::gaussian(rank, WIDTH, 0.02, &mut random), toy::gaussian(WIDTH, rank, 0.02, &mut random)))
        .collect();

    let started = Instant::now();
    let mut batched = inputs.dot(&base.t());
    for (row, (a, b)) in adapters.iter().enumerate() {
        // Gathered: each row meets its own factors, thin ones first.
        let small = a.dot(&inputs.row(row));
        let mut out = batched.row_mut(row);
        out += &b.dot(&small);
    }
    let together = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let mut apart: Array2<f32> = Array2::zeros((requests, WIDTH));
    for (row, (a, b)) in adapters.iter().enumerate() {
        // Swapped in: merge, run the one request, drop.
        let merged = &base + &b.dot(a);
        apart.row_mut(row).assign(&merged.dot(&inputs.row(row)));
    }
    let swapped = started.elapsed().as_secs_f64();
    let difference = toy::distance(&batched, &apart);

    let model = Architecture::named("llama-2-7b").map_err(Error::Other)?;
    let base_bytes = 2.0 * model.total as f64;
    let mut report = Report::new("batch", format!("{requests} requests, {requests} adapters, one base"));
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for (targets, r) in [("q,v", 16), ("all-linear", 16), ("all-linear", 64)] {
        let count = trainable(model, &Method::Lora { rank: r, targets: targets.to_owned() }).map_err(Error::Other)?;
        let bytes = 2.0 * count as f64 * requests as f64;
        report = report.number(format!("adapter bytes {targets} r={r}"), bytes);
        rows.push(vec![
            targets.into(),
            r.into(),
            (2e-6 * count as f64).into(),
            (1e-9 * bytes).into(),
            (100.0 * bytes / base_bytes).into(),
        ]);
        bars.push((format!("{targets}, r = {r}"), 100.0 * bytes / base_bytes));
    }
    Ok(report
        .number("difference", difference)
        .number("time ratio of swapping over batching", swapped / together)
        .line(format!("The shared matmul plus gathered thin products gives what {requests} merged weights give, but for rounding ({difference:.1e})."))
        .line(format!("Merging anew for each request took {:.0} times as long here, on this CPU, at width {WIDTH}.", swapped / together))
        .line("Adapters are not free: with all of them distinct each decode step reads every one of them.")
        .table("Llama-2-7B: what a decode step reads besides the base's 13.5 GB", &["targets", "r", "one adapter, MB", "all, GB", "% of the base"], rows)
        .figure("Adapter bytes a decode step reads", ("", "% of the base's bytes"), (false, false), Chart::Bars(bars)))
}
