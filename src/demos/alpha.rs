//! `alpha`: what α does, by changing nothing else.
//!
//! The update is `s·BA` with `s = α / r` (Hu et al. 2021, arXiv 2106.09685, §4.1). From B = 0, one Adam step moves every entry of B by
//! about the learning rate whatever α is, so ΔW after it is proportional to α: under Adam, α acts much like a learning rate at first.

use super::{ArgSpec, Args, Chart, Demo, Error, Figure, Report, Series, Table, lab};
use crate::peft::{
    Method as _, Targets,
    lora::{Config, Lora},
};

pub(super) const DEMO: Demo = Demo {
    name: "alpha",
    about: "the same adapter trained with several α: size of ΔW and loss",
    args: &[
        ArgSpec { name: "alpha", default: "8", help: "your α, 0.01 to 1024" },
        ArgSpec { name: "rank", default: "8", help: "rank, 1 to 64" },
        ArgSpec { name: "steps", default: "16", help: "training steps of each run, 1 to 200" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

/// α as multiples of the chosen one.
const MULTIPLES: [f64; 4] = [0.25, 1.0, 2.0, 4.0];

struct Run {
    alpha: f64,
    scale: f64,
    /// ‖ΔW‖ over all sites after one step and at the end.
    norms: [f64; 2],
    curve: Vec<(f64, f64)>,
}

fn run(args: &Args) -> Result<Report, Error> {
    let alpha = lab::number("alpha", args, "alpha", 8.0, 0.01..=1024.0)?;
    let rank = lab::number("alpha", args, "rank", 8, 1..=64)?;
    let steps = lab::number("alpha", args, "steps", 16, 1..=200)?;
    let seed = lab::number("alpha", args, "seed", 0, 0..=1_000_000)?;
    let base = lab::base()?;
    let mut runs = Vec::new();
    for multiple in MULTIPLES {
        let config = Config { rank, alpha: alpha * multiple, targets: Targets::AllLinear, seed, ..Config::default() };
        let lora = Lora::new(&base, config.clone())?;
        lab::train(&base, &lora, lora.variables(), &lab::plan(1, 16, 2e-3, seed)?)?;
        let first = delta_norm(&lora)?;
        let lora = Lora::new(&base, config)?;
        let scale = alpha * multiple / rank as f64;
        let curve = lab::train(&base, &lora, lora.variables(), &lab::plan(steps, 16, 2e-3, seed)?)?;
        runs.push(Run { alpha: alpha * multiple, scale, norms: [first, delta_norm(&lora)?], curve });
    }
    Ok(report(rank, &runs))
}

fn delta_norm(lora: &Lora) -> Result<f64, Error> {
    let mut square = 0.0;
    for site in lora.factors().keys() {
        if let Some(delta) = lora.delta(*site)? {
            square += lab::norm(&delta)?.powi(2);
        }
    }
    Ok(square.sqrt())
}

fn report(rank: usize, runs: &[Run]) -> Report {
    let mut numbers = std::collections::BTreeMap::new();
    for (run, multiple) in runs.iter().zip(MULTIPLES) {
        for (what, value) in [
            ("scale", run.scale),
            ("delta_norm_step_1", run.norms[0]),
            ("delta_norm_last", run.norms[1]),
            ("loss_last", lab::tail(&run.curve)),
        ] {
            numbers.insert(format!("{what}_times_{multiple}"), value);
        }
    }
    let growth = runs[3].norms[0] / runs[0].norms[0];
    numbers.insert("growth_step_1_for_16_times_alpha".to_owned(), growth);
    Report {
        demo: "alpha".to_owned(),
        title: format!("Same rank {rank}, same seed, same learning rate: only α differs"),
        text: vec![
            format!(
                "16 times the α made ΔW {growth:.2} times as large after one Adam step: α sets how strong the update is."
            ),
            "Further on the runs part, because A and B themselves learn at a rate that α does not set.".to_owned(),
            "α is no regulariser and no learned number: a constant in front of BA, divided by r.".to_owned(),
        ],
        numbers,
        tables: vec![Table {
            title: "Short runs on the new skill".to_owned(),
            columns: ["α", "s = α/r", "‖ΔW‖ after 1 step", "‖ΔW‖ at the end", "loss at 0", "loss at the end"]
                .map(str::to_owned)
                .to_vec(),
            rows: runs
                .iter()
                .map(|run| {
                    let first = run.curve.first().map_or(f64::NAN, |(_, loss)| *loss);
                    vec![
                        run.alpha.into(),
                        run.scale.into(),
                        run.norms[0].into(),
                        run.norms[1].into(),
                        first.into(),
                        lab::tail(&run.curve).into(),
                    ]
                })
                .collect(),
        }],
        figure: Some(Figure {
            title: "Loss for several α".to_owned(),
            x: "step".to_owned(),
            y: "loss, nats a token".to_owned(),
            log_x: false,
            log_y: false,
            chart: Chart::Lines(
                runs.iter()
                    .map(|run| Series { name: format!("α = {}", run.alpha), points: run.curve.clone() })
                    .collect(),
            ),
        }),
    }
}
