//! A contest's results as Markdown and as figures.

use std::fmt::Write as _;

use super::{Budget, Entry, Results, fused, measure};
use crate::{
    demos::{Chart, Figure, Series},
    train::{Held, Kind, Task, recipe::Size},
};

/// The figures by file name.
pub type Figures = Vec<(&'static str, Figure)>;

/// Steps over which the loss curves are averaged: single batches jump.
const WINDOW: usize = 5;

/// Quality against parameters and against memory, and the loss curves of the best few.
#[must_use]
pub fn figures(results: &Results) -> Figures {
    let exact = |entry: &Entry| entry.spread(|held| 100.0 * held.exact).map(|(mean, ..)| mean);
    let points = |x: &dyn Fn(&Entry) -> Option<f64>| {
        let point = |entry: &Entry| Some((entry.recipe.method.name().to_owned(), (x(entry)?, exact(entry)?)));
        Chart::Points(results.entries.iter().filter_map(point).collect())
    };
    let figure = |title: &str, x: &str, log_x: bool, log_y: bool, y: &str, chart: Chart| Figure {
        title: format!("{title}: {} on {}", results.contest.task, name(results)),
        x: x.to_owned(),
        y: y.to_owned(),
        log_x,
        log_y,
        chart,
    };
    let right = "held-out answers exactly right, %";
    let mut all = vec![(
        "quality_parameters.svg",
        figure(
            "Quality and size",
            "trained parameters",
            true,
            false,
            right,
            points(&|entry| Some(entry.parameters as f64)),
        ),
    )];
    if results.entries.iter().all(|entry| entry.cost.peak_bytes.is_some()) {
        let megabytes = |entry: &Entry| entry.cost.peak_bytes.map(|bytes| bytes as f64 / 1e6);
        let chart = points(&megabytes);
        all.push((
            "quality_memory.svg",
            figure("Quality and memory", "peak memory in a step, MB", false, false, right, chart),
        ));
    }
    all.push((
        "loss.svg",
        figure("Loss, first seed", "step", false, true, "nats a token", Chart::Lines(curves(results))),
    ));
    all
}

/// Running means of the losses of the seven methods with the lowest held-out loss: no more can be told apart in one figure.
fn curves(results: &Results) -> Vec<Series> {
    let mut entries: Vec<&Entry> = results.entries.iter().collect();
    let loss = |entry: &Entry| entry.spread(|held| held.loss).map_or(f64::INFINITY, |(mean, ..)| mean);
    entries.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
    let smooth = |entry: &Entry| {
        let losses = &entry.trials[0].losses;
        let window = WINDOW.min(losses.len().max(1));
        let mean =
            |(index, part): (usize, &[f64])| ((index + window) as f64, part.iter().sum::<f64>() / part.len() as f64);
        losses.windows(window).enumerate().map(mean).collect()
    };
    entries.into_iter().take(7).map(|e| Series { name: e.recipe.method.name().to_owned(), points: smooth(e) }).collect()
}

/// The base's name as people read it: the last part of a path.
fn name(results: &Results) -> &str {
    results.contest.base.rsplit('/').next().unwrap_or(&results.contest.base)
}

/// The report; `command` made it, on `machine`.
#[must_use]
pub fn markdown(results: &Results, command: &str, machine: &str) -> String {
    let contest = &results.contest;
    let mut text = format!("# Arena: `{}` on `{}`\n\n", contest.task, name(results));
    // Writing to a String cannot fail.
    if let Ok(task) = Task::named(&contest.task) {
        let _ = writeln!(text, "Task: {} ({}).", task.about, task.source);
    }
    let _ = writeln!(
        text,
        "The base has {} parameters and gets {:.1} % of {} held-out answers exactly right (loss {:.3} nats a token).\n",
        results.base_parameters,
        100.0 * results.base_held.exact,
        results.base_held.examples,
        results.base_held.loss,
    );
    let _ = writeln!(text, "{}\n", rules(results));
    text += &table(results);
    for (file, figure) in figures(results) {
        let _ = write!(text, "\n![{}]({file})\n", figure.title);
    }
    let _ = writeln!(text, "\nThe sweep, validation loss by learning rate (`-` diverged):\n\n| method | |\n|---|---|");
    for entry in &results.entries {
        let one = |(rate, loss): &(f64, Option<f64>)| {
            format!("{rate:.1e}: {}", loss.map_or("-".to_owned(), |loss| format!("{loss:.3}")))
        };
        let _ = writeln!(
            text,
            "| {} | {} |",
            entry.recipe.method,
            entry.sweep.iter().map(one).collect::<Vec<_>>().join(" · ")
        );
    }
    let _ = writeln!(
        text,
        "\nMade in {:.0} s by the clock{} on {machine} by\n\n```\n{command}\n```\n\nThe runs took {:.0} s of it, the measured steps the \
         rest. All numbers are in [results.json](results.json).",
        results.seconds,
        results.processor_seconds.map_or_else(String::new, |seconds| format!(", {seconds:.0} s of processor time,")),
        results.run_seconds,
    );
    text
}

fn rules(results: &Results) -> String {
    let contest = &results.contest;
    let equal = match contest.budget {
        Budget::Steps => "Sizes are each method's usual ones.".to_owned(),
        Budget::Parameters => format!(
            "Sizes are fitted to {} trained parameters, as nearly as a size allows; full training, GaLore, (IA)³ and AdapterFusion have none to fit.",
            contest.parameters
        ),
    };
    format!(
        "Every method took {} steps of {} examples, AdamW, a cosine after {} steps of warm-up. {equal} The learning rate is the best of a sweep \
         by a factor of {} around the method's usual one (on {} examples kept out of training; extended at an edge), then {} seeds at that rate. \
         Exactly right: the share of held-out answers that greedy decoding writes wholly right; mean over seeds, lowest to highest in brackets. \
         Step: the median of {} steps on one batch, in {} rounds through all methods while nothing else ran here, {}; processor: the time of \
         all threads in such a step, which other work on the machine hardly changes. \
         Peak memory: the most bytes alive in one step, base included, counted by the allocator.{}",
        contest.settings.steps,
        contest.settings.batch * contest.settings.accumulate,
        contest.settings.warmup,
        contest.factor,
        contest.validation,
        contest.seeds,
        measure::STEPS * contest.rounds,
        contest.rounds,
        if contest.parallel.is_some() { "on one thread" } else { "on all threads" },
        before(results),
    )
}

/// What AdapterFusion had before the contest, which its numbers must be read with.
fn before(results: &Results) -> String {
    match results.entries.iter().any(|entry| entry.recipe.method == Kind::AdapterFusion) {
        true => format!(
            " AdapterFusion fuses two Pfeiffer adapters (m = 16), each trained for {} steps on one half of the training examples at \
             Pfeiffer's usual rate; those steps come on top of its own, and only the fusion's parameters count as trained.",
            fused::steps(&results.contest)
        ),
        false => String::new(),
    }
}

fn table(results: &Results) -> String {
    let mut text = String::from(
        "| method | size | trained | optimiser, kB | peak, MB | step, ms | processor, ms | rate | held-out loss | exactly right, % |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let spread = |entry: &Entry, of: &dyn Fn(&Held) -> f64, digits: usize| match entry.spread(of) {
        Some((mean, low, high)) => format!("{mean:.digits$} ({low:.digits$}–{high:.digits$})"),
        None => "diverged".to_owned(),
    };
    for entry in &results.entries {
        let size = match entry.recipe.method.size() {
            Size::Rank => format!("r = {}", entry.recipe.rank),
            Size::Width => format!("m = {}", entry.recipe.width),
            Size::Tokens => format!("p = {}", entry.recipe.tokens),
            Size::Fixed => String::new(),
        };
        let edge = if entry.at_the_edge { "*" } else { "" };
        let _ = writeln!(
            text,
            "| {} | {size} | {} | {:.0} | {} | {:.0} | {} | {:.1e}{edge} | {} | {} |",
            entry.recipe.method,
            entry.parameters,
            entry.cost.optimiser_bytes as f64 / 1e3,
            entry.cost.peak_bytes.map_or("-".to_owned(), |bytes| format!("{:.1}", bytes as f64 / 1e6)),
            1e3 * entry.cost.step_seconds,
            entry.cost.step_processor_seconds.map_or("-".to_owned(), |seconds| format!("{:.0}", 1e3 * seconds)),
            entry.learning_rate(),
            spread(entry, &|held| held.loss, 3),
            spread(entry, &|held| 100.0 * held.exact, 1),
        );
    }
    if results.entries.iter().any(|entry| entry.at_the_edge) {
        text += "\n\\* at the edge of the sweep, even extended: a better rate may lie beyond.\n";
    }
    text
}
