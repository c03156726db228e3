//! `ia3`: (IA)³ (Liu et al. 2022, arXiv 2205.05638, §3.3) scales activations; merged, it scales rows of a weight.

use ndarray::Axis;

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab, toy};
use crate::analysis::{
    arch::Architecture,
    params::{Method, trainable},
};

pub(super) const DEMO: Demo = Demo {
    name: "ia3",
    about: "(IA)³ merges exactly, and its change of the weight has full rank",
    args: &[ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" }],
    run,
};

const WIDTH: usize = 96;

fn run(args: &Args) -> Result<Report, Error> {
    let mut random = toy::random(lab::number("ia3", args, "seed", 0, 0..=1_000_000)?);
    let weight = toy::gaussian(WIDTH, WIDTH, 0.1, &mut random);
    let scale = 1.0 + 0.2 * toy::normal(WIDTH, &mut random);
    let inputs = toy::gaussian(32, WIDTH, 1.0, &mut random);
    let live = inputs.dot(&weight.t()) * &scale;
    let merged = &weight * &scale.view().insert_axis(Axis(1));
    let error = toy::distance(&inputs.dot(&merged.t()), &live);
    let rank = toy::rank(&(&merged - &weight))?;
    let mut report = Report::new("ia3", "One learned number per channel");
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for name in ["llama-2-7b", "llama-2-13b", "llama-2-70b", "llama-3-8b"] {
        let model = Architecture::named(name).map_err(Error::Other)?;
        let count = trainable(model, &Method::Ia3 { targets: None }).map_err(Error::Other)?;
        report = report.number(format!("ia3 {name}"), count as f64);
        rows.push(vec![name.into(), count.into(), (100.0 * count as f64 / model.total as f64).into()]);
        bars.push((name.to_owned(), count as f64));
    }
    Ok(report
        .number("merge error", error)
        .number("rank of the change", rank as f64)
        .line(format!(
            "Scaling the outputs and scaling the rows of the weight agree to {error:.1e}: it merges without a trace."
        ))
        .line(format!("The change diag(l − 1)·W has rank {rank} of {WIDTH}: few parameters, yet not low-rank."))
        .line("The vectors start at ones. Zeros would wipe the activations out.")
        .table("L·(2·d_kv + d_ff)", &["model", "trained", "% of the model"], rows)
        .figure("Trained numbers of (IA)³", ("", "parameters"), (false, false), Chart::Bars(bars)))
}
