//! `qlora-merge`: where a QLoRA adapter may be merged (Dettmers et al. 2023, arXiv 2305.14314; the adapter is trained on the quantised base).

use super::{ArgSpec, Args, Chart, Demo, Error, Report, lab};
use crate::{
    model::{Decoder, Doors, Projection, Shut, Weight},
    peft::{Lora, Method as _, Targets, lora::Config, merge},
    train::{Batch, exact_match, loss},
};

pub(super) const DEMO: Demo = Demo {
    name: "qlora-merge",
    about: "an adapter trained on a 4-bit base, merged into it, into its dense form and into the original",
    args: &[
        ArgSpec { name: "steps", default: "30", help: "training steps, 1 to 500" },
        ArgSpec { name: "rank", default: "8", help: "rank, 1 to 64" },
        ArgSpec { name: "seed", default: "0", help: "seed, 0 to 1000000" },
    ],
    run,
};

/// Held-out prompts asked of each model.
const EXAM: usize = 40;

fn run(args: &Args) -> Result<Report, Error> {
    let steps = lab::number("qlora-merge", args, "steps", 30, 1..=500)?;
    let rank = lab::number("qlora-merge", args, "rank", 8, 1..=64)?;
    let seed = lab::number("qlora-merge", args, "seed", 0, 0..=1_000_000)?;
    let original = lab::base()?;
    let four = original.quantised(true)?;
    let lora =
        Lora::new(&four, Config { rank, alpha: rank as f64, targets: Targets::AllLinear, seed, ..Config::default() })?;
    lab::train(&four, &lora, lora.variables(), &lab::plan(steps, 16, 1e-2, seed)?)?;

    let merged = merge(&four, &lora)?.model;
    let again = merged.quantised(true)?;
    let onto_original = merge(&original, &lora)?.model;
    let models: [(&str, &Decoder, &dyn Doors); 5] = [
        ("4-bit base, adapter beside it (as trained)", &four, &lora),
        ("merged into the dequantised base", &merged, &Shut),
        ("that merged model in 4 bits again", &again, &Shut),
        ("merged into the original base", &onto_original, &Shut),
        ("4-bit base without the adapter", &four, &Shut),
    ];
    let batch = lab::batch(64, 99)?;
    let reference = four.forward_rows(&batch.ids, &batch.rows, &lora)?;
    let lost = lost(&merged, &again, &four)?;
    let mut report =
        Report::new("qlora-merge", format!("A QLoRA adapter, `{}`, r = {rank}, {steps} steps", lab::NEW_SKILL));
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for (name, model, doors) in models {
        let value = value(model, doors, &batch)?;
        let right = exact_match(model, doors, lab::new_skill()?, EXAM, 7)?;
        let shift = (model.forward_rows(&batch.ids, &batch.rows, doors)? - &reference)?;
        let shift = 100.0 * lab::norm(&shift)? / lab::norm(&reference)?;
        report = report
            .number(format!("loss {name}"), value)
            .number(format!("exact match {name}"), right)
            .number(format!("shift {name}"), shift);
        rows.push(vec![name.into(), shift.into(), value.into(), (100.0 * right).into(), bits(model).into()]);
        bars.push((name.to_owned(), shift));
    }
    Ok(report
        .number("update lost", lost)
        .line("Beside the 4-bit base the adapter does what it was trained to do; merged into the dequantised weights it does the same, at sixteen or thirty-two bits.")
        .line(format!(
            "Quantising the merged weights again makes an error of {lost:.0} % of the update's own size: each weight snaps to one of sixteen values."
        ))
        .line("The original base is not the one it was trained on either: the adapter learnt beside a quantisation error that is not there.")
        .line("What that does to the loss of one task can go either way, in this run too; how far the outputs move from what was trained cannot.")
        .table(
            "Against the model as it was trained",
            &["model", "logits moved, %", "loss, nats a token", "exact match, %", "bits a projection weight"],
            rows,
        )
        .figure("How far the logits moved", ("", "%"), (false, false), Chart::Bars(bars)))
}

/// ‖Q(W + ΔW) − (W + ΔW)‖ over ‖ΔW‖ in percent, over all projections.
fn lost(merged: &Decoder, again: &Decoder, base: &Decoder) -> Result<f64, Error> {
    let (mut error, mut update) = (0.0, 0.0);
    for site in base.sites(&Projection::ALL) {
        if let (Some(wanted), Some(got), Some(before)) =
            (merged.projection(site), again.projection(site), base.projection(site))
        {
            error += lab::norm(&(got.dense()? - wanted.dense()?)?)?.powi(2);
            update += lab::norm(&(wanted.dense()? - before.dense()?)?)?.powi(2);
        }
    }
    Ok(100.0 * (error / update).sqrt())
}

fn value(model: &Decoder, doors: &dyn Doors, batch: &Batch) -> Result<f64, Error> {
    Ok(f64::from(loss(model, doors, batch)?.to_scalar::<f32>()?))
}

/// Bits a weight of the projections, in the bytes that are there.
fn bits(model: &Decoder) -> f64 {
    let sites = model.sites(&Projection::ALL);
    let weights = || sites.iter().filter_map(|site| model.projection(*site));
    let (bytes, count): (usize, usize) = (weights().map(Weight::bytes).sum(), weights().map(Weight::count).sum());
    8.0 * bytes as f64 / count as f64
}
