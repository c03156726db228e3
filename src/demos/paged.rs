//! `paged`: AdamW whose moments come in pages (Dettmers et al. 2023, arXiv 2305.14314, §3): less memory, the same numbers.

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab};
use crate::{
    model::Shut,
    optim::{
        AdamW, Groups, Hyper, Optimizer,
        paged::{Counters, PagedAdamW},
    },
    peft::Full,
    train::fit_with,
};

pub(super) const DEMO: Demo = Demo {
    name: "paged",
    about: "full fine-tuning with the optimiser's state paged: faults and traffic by budget, the same weights",
    args: &[
        ArgSpec { name: "steps", default: "3", help: "training steps of each run, 1 to 50" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

/// Shares of the state that may be resident.
const BUDGETS: [f64; 4] = [1.0, 0.75, 0.5, 0.1];

fn run(args: &Args) -> Result<Report, Error> {
    let steps = lab::number("paged", args, "steps", 3, 1..=50)?;
    let seed = lab::number("paged", args, "seed", 0, 0..=1_000_000)?;
    let hyper = Hyper { learning_rate: 1e-3, ..Hyper::default() };
    let state = state_of(&AdamW::new(variables(&Full::new(&lab::base()?)?), hyper)?);
    let plain = trained(steps, seed, |groups| AdamW::new(groups, hyper))?.0;
    let mut report = Report::new("paged", format!("Paged AdamW on the tiny base, {steps} steps"));
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for share in BUDGETS {
        let budget = (share * state as f64) as usize;
        let (weights, optimizer) = trained(steps, seed, |groups| PagedAdamW::new(&groups, hyper, budget))?;
        let Counters { faults, hits, bytes_in, bytes_out, peak, .. } = optimizer.counters();
        let same = weights == plain;
        let percent = 100.0 * share;
        report = report
            .number(format!("faults {percent} %"), faults as f64)
            .number(format!("same {percent} %"), f64::from(u8::from(same)));
        let mega = |bytes: f64| bytes / 1e6;
        rows.push(vec![
            percent.into(),
            mega(peak as f64).into(),
            faults.into(),
            hits.into(),
            mega(bytes_in as f64).into(),
            mega(bytes_out as f64).into(),
            (if same { "yes" } else { "NO" }).into(),
        ]);
        bars.push((format!("{percent} %"), mega((bytes_in + bytes_out) as f64)));
    }
    Ok(report
        .number("state bytes", state as f64)
        .line(format!("The state is {:.1} MB: two moments of four bytes a parameter.", state as f64 / 1e6))
        .line("A sweep over all pages in the same order is the worst case for least-recently-used: below 100 % nearly every page faults.")
        .line("Paging is for spikes: QLoRA's state is small, and pages leave only when a long batch needs their room.")
        .table(
            "By budget",
            &["budget, %", "resident at most, MB", "faults", "hits", "read, MB", "written, MB", "same weights, bit for bit"],
            rows,
        )
        .figure("Traffic", ("budget", "MB"), (false, false), Chart::Bars(bars)))
}

fn variables(full: &Full) -> Groups {
    Groups::from(full.variables().iter().map(|(_, variable)| variable.clone()).collect::<Vec<_>>())
}

fn state_of(optimizer: &impl Optimizer) -> usize {
    optimizer.state_bytes()
}

/// All weights after training, and the optimiser.
fn trained<O: Optimizer>(
    steps: usize,
    seed: u64,
    make: impl Fn(Groups) -> candle_core::Result<O>,
) -> Result<(Vec<f32>, O), Error> {
    let full = Full::new(&lab::base()?)?;
    let mut optimizer = make(variables(&full))?;
    fit_with(full.model(), &Shut, &mut optimizer, &lab::plan(steps, 8, 1e-3, seed)?, |_| Ok(()))?;
    let mut weights = Vec::new();
    for (_, variable) in full.variables() {
        weights.extend(variable.flatten_all()?.to_vec1::<f32>()?);
    }
    Ok((weights, optimizer))
}
