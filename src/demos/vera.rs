//! `vera`: two vectors over frozen random factors (Kopiczko et al. 2023, arXiv 2310.11454, §3).
//!
//! `y = W0 x + diag(b)·B·diag(v)·A x`; A and B are drawn from a seed, shared by all layers and never trained.

use ndarray::Axis;

use super::{ArgSpec, Args, Chart, Demo, Error, Report, Series, lab, toy};
use crate::analysis::{
    arch::Architecture,
    params::{Method, trainable},
};

pub(super) const DEMO: Demo = Demo {
    name: "vera",
    about: "VeRA's factors come back from a seed; its count hardly depends on the rank",
    args: &[
        ArgSpec { name: "model", default: "llama-2-7b", help: "an architecture, such as llama-3-8b" },
        ArgSpec { name: "rank", default: "256", help: "rank of the shared pair, 1 to 1024" },
        ArgSpec { name: "seed", default: "0", help: "seed of the shared pair, 0 to 1000000" },
    ],
    run,
};

/// Width of the toy layer.
const WIDTH: usize = 64;

fn run(args: &Args) -> Result<Report, Error> {
    let refuse = |message: String| Error::Argument { demo: "vera", message };
    let model = Architecture::named(args.get("model").map_or("llama-2-7b", String::as_str)).map_err(refuse)?;
    let rank: u64 = lab::number("vera", args, "rank", 256, 1..=1024)?;
    let seed: u64 = lab::number("vera", args, "seed", 0, 0..=1_000_000)?;
    let toy_rank = usize::try_from(rank).unwrap_or(WIDTH).min(WIDTH);
    let pair = |seed: u64| {
        let mut random = toy::random(seed);
        (toy::gaussian(toy_rank, WIDTH, 0.1, &mut random), toy::gaussian(WIDTH, toy_rank, 0.1, &mut random))
    };
    let ((a, b), again, other) = (pair(seed), pair(seed), pair(seed + 1));
    let mut random = toy::random(seed + 2);
    let (v, trained) = (toy::normal(toy_rank, &mut random), toy::normal(WIDTH, &mut random));
    let update = |outer: &ndarray::Array1<f32>, (a, b): &(ndarray::Array2<f32>, ndarray::Array2<f32>)| {
        (b * &v).dot(a) * outer.view().insert_axis(Axis(1))
    };
    let start = toy::norm(&update(&ndarray::Array1::zeros(WIDTH), &(a.clone(), b.clone())));
    let learnt = update(&trained, &(a, b));
    let (same, wrong) =
        (toy::distance(&update(&trained, &again), &learnt), toy::distance(&update(&trained, &other), &learnt));

    let targets = model.default_targets().to_owned();
    let (mut lora, mut vera) = (Vec::new(), Vec::new());
    for r in [1, 4, 16, 64, 256, 1024] {
        let count = |method| trainable(model, &method).map_err(refuse);
        lora.push((r as f64, count(Method::Lora { rank: r, targets: targets.clone() })? as f64));
        vera.push((r as f64, count(Method::Vera { rank: r, targets: targets.clone() })? as f64));
    }
    let count = trainable(model, &Method::Vera { rank, targets: targets.clone() }).map_err(refuse)?;
    let table = lora
        .iter()
        .zip(&vera)
        .map(|(l, v)| vec![(l.0 as u64).into(), (l.1 as u64).into(), (v.1 as u64).into()])
        .collect();
    Ok(Report::new("vera", format!("VeRA on {} ({targets})", model.name))
        .number("trainable", count as f64)
        .number("norm of the update at the start", start)
        .number("difference with the same seed", same)
        .number("difference with another seed", wrong)
        .line(format!("At r = {rank}: {count} trained numbers, one vector of length d_out and one of length r per matrix."))
        .line(format!("With b = 0 the update has norm {start}: the model starts as the base."))
        .line(format!("The frozen pair comes back exactly from its seed (difference {same}); from another seed the trained vectors mean nothing (relative difference {wrong:.2})."))
        .table("Trained numbers", &["r", "LoRA", "VeRA"], table)
        .figure(
            "Trained numbers against the rank",
            ("r", "parameters"),
            (true, true),
            Chart::Lines(vec![Series { name: "LoRA".to_owned(), points: lora }, Series { name: "VeRA".to_owned(), points: vera }]),
        ))
}
