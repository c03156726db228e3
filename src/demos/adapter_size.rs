//! `adapter-size`: bytes per adapter by architecture and rank, and how many fit into a budget.

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab};
use crate::analysis::{
    arch::Architecture,
    params::{Method, trainable},
};

pub(super) const DEMO: Demo = Demo {
    name: "adapter-size",
    about: "bytes per LoRA by architecture and rank, and how many fit into a budget",
    args: &[
        ArgSpec { name: "rank", default: "16", help: "rank, 1 to 1024" },
        ArgSpec {
            name: "gb",
            default: "80",
            help: "the budget, in 10⁹ bytes, weights of the base included, 1 to 100000",
        },
        ArgSpec { name: "bytes", default: "2", help: "bytes of a number, 1 to 4" },
    ],
    run,
};

fn run(args: &Args) -> Result<Report, Error> {
    let rank: u64 = lab::number("adapter-size", args, "rank", 16, 1..=1024)?;
    let budget: f64 = lab::number("adapter-size", args, "gb", 80.0, 1.0..=100_000.0)? * 1e9;
    let width: u64 = lab::number("adapter-size", args, "bytes", 2, 1..=4)?;
    let mut report =
        Report::new("adapter-size", format!("LoRAs of rank {rank}, {width} bytes a number, {:.0} GB", budget / 1e9));
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for model in Architecture::known() {
        let left = budget - (width * model.total) as f64;
        for targets in ["q,v", "all-linear"] {
            // Not every architecture has separate projections of these names.
            let Ok(count) = trainable(model, &Method::Lora { rank, targets: targets.to_owned() }) else { continue };
            let bytes = width * count;
            let fit = (left / bytes as f64).floor().max(0.0);
            report = report.number(format!("{} {targets} bytes", model.name), bytes as f64);
            report = report.number(format!("{} {targets} fit", model.name), fit);
            bars.push((format!("{}, {targets}", model.name), bytes as f64 / 1e6));
            rows.push(vec![
                model.name.to_string().into(),
                targets.into(),
                (bytes as f64 / 1e6).into(),
                (left.max(0.0) / 1e9).into(),
                (fit as u64).into(),
            ]);
        }
    }
    Ok(report
        .line("A LoRA has r · (in + out) numbers a matrix: its size follows the rank and the targets, not the matrices' area.")
        .line("How many fit is what weights and adapters leave with no key or value in memory; a server keeps most in host memory and pages in those a batch needs.")
        .table("One adapter, and how many fit beside the base", &["model", "targets", "MB each", "GB left beside the base", "fit"], rows)
        .figure("Bytes of one adapter", ("", "MB"), (false, true), Chart::Bars(bars)))
}
