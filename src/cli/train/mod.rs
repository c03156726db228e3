//! `deltaw train`: fine-tune a base by any method, on files or on a task that ships.

mod args;
mod progress;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Instant,
};

use candle_core::Device;
use serde_json::json;

pub use args::Args;
use progress::Progress;

use super::{Failure, Global, show};
use crate::{
    demos::{Chart, Figure, Series, Value as Cell},
    model::{Base, Options, one_line},
    plot,
    train::{
        Job, Kind, Metric, Outcome, Trainee, card, data,
        run::{self, Checkpoint, Place, checkpoint},
        tasks,
    },
};

/// The loss curve in a run's directory.
const CURVE: &str = "loss.svg";

/// Runs `deltaw train`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    if args.list {
        return list(global.json);
    }
    if let (Some(dir), Some(task)) = (&args.write_data, args.task()?) {
        return write_data(dir, &task);
    }
    if let Some(file) = &args.plot {
        plot::check_name(file).map_err(|error| Failure::usage(error.to_string()))?;
    }
    let (dir, job, resumed) = match &args.resume {
        Some(dir) => {
            let checkpoint = Checkpoint::load(dir, &Device::Cpu).map_err(unusable)?;
            let job = serde_json::from_value(checkpoint.state.job.clone());
            let job: Job = job.map_err(|error| Failure::usage(format!("{}: {error}", dir.display())))?;
            (dir.clone(), job, Some(checkpoint))
        }
        None => (out(args)?, args.job()?, None),
    };
    train(args, global, &dir, job, resumed)
}

fn train(args: &Args, global: &Global, dir: &Path, mut job: Job, resumed: Option<Checkpoint>) -> Result<(), Failure> {
    let device = global.compute_here()?;
    let resumed = resumed.map(|checkpoint| checkpoint.on(&device)).transpose().map_err(machine)?;
    job.check().map_err(unusable)?;
    let options = Options { offline: args.offline, progress: true, precision: job.precision, ..Options::default() };
    let base = Base::open(&job.base, &options, &device).map_err(unusable)?;
    let read = job.read(&base).map_err(unusable)?;
    let (name, like) = (base.name.clone(), base.directory.clone());
    let trainee = Trainee::new(base.model, job.recipe.clone()).map_err(unusable)?;
    job.note_fused(&trainee).map_err(unusable)?;

    std::fs::create_dir_all(dir).map_err(|error| Failure::machine(format!("{}: {error}", dir.display())))?;
    // A fresh run begins without another's checkpoint; a resumed one without what a kill left half-written.
    let tidy = if resumed.is_some() { checkpoint::sweep } else { checkpoint::clear };
    tidy(dir).map_err(machine)?;
    let examples = (read.data.train.len(), read.data.held.len());
    if !global.json {
        begin(&job, &trainee, examples, read.skipped)?;
    }
    let asked = serde_json::to_value(&job).map_err(|error| Failure::machine(error.to_string()))?;
    let done = resumed.as_ref().map_or(0, |checkpoint| checkpoint.state.step);
    let mut progress = Progress::new(job.settings.steps, done, global.json);
    let clock = Instant::now();
    let place = Place { dir, job: &asked };
    let outcome =
        run::run(&trainee, &job.settings, &read.data, Some(place), resumed, &mut |metric| progress.show(metric))
            .map_err(machine)?;
    let speed = progress.finish();
    if let Some(step) = outcome.diverged {
        return Err(Failure::machine(format!(
            "the loss is no number any more at step {step}: the run diverged; try a lower --learning-rate than {}",
            job.settings.learning_rate
        )));
    }

    trainee.save(dir, &name, like.as_deref()).map_err(machine)?;
    let facts = card::Facts { trainee: &trainee, outcome: &outcome, command: &command(), examples };
    card::write(dir, &job, &facts).map_err(machine)?;
    let curve = curve(&job, &outcome.metrics);
    for file in [Some(dir.join(CURVE)), args.plot.clone()].into_iter().flatten() {
        plot::write(&curve, &file).map_err(|error| Failure::machine(error.to_string()))?;
    }
    checkpoint::clear(dir).map_err(machine)?;
    end(global.json, dir, &trainee, &outcome, clock.elapsed().as_secs_f64(), speed)
}

/// Where to write, if it may be written.
fn out(args: &Args) -> Result<PathBuf, Failure> {
    let Some(dir) = &args.out else { return Err(Failure::usage("name the directory to write: --out DIR")) };
    let filled = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    match (filled && !args.force, dir.join(checkpoint::NAME).exists()) {
        (false, _) => Ok(dir.clone()),
        (true, true) => Err(Failure::usage(format!(
            "{0} holds an interrupted run: go on with --resume {0}, or begin anew with --force",
            dir.display()
        ))),
        (true, false) => {
            Err(Failure::usage(format!("{} is not empty; name another directory or say --force", dir.display())))
        }
    }
}

fn unusable(error: candle_core::Error) -> Failure {
    Failure::usage(one_line(&error))
}

fn machine(error: candle_core::Error) -> Failure {
    Failure::machine(one_line(&error))
}

/// How many threads compute; the same numbers ask for the same.
pub(super) const THREADS: [&str; 2] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"];

/// The command line as it was typed, quoted where a shell would need it, with the number of threads where it was set.
pub(super) fn command() -> String {
    let plain = |word: &str| word.chars().all(|c| c.is_alphanumeric() || "-_./,=:+".contains(c)) && !word.is_empty();
    let quote = |word: String| if plain(&word) { word } else { format!("'{}'", word.replace('\'', r"'\''")) };
    let threads = THREADS.iter().filter_map(|name| Some(format!("{name}={}", quote(std::env::var(name).ok()?))));
    let words = std::env::args().skip(1).map(quote);
    threads.chain(["deltaw".to_owned()]).chain(words).collect::<Vec<_>>().join(" ")
}

fn begin(job: &Job, trainee: &Trainee, examples: (usize, usize), skipped: usize) -> Result<(), Failure> {
    let count = |number: usize| show::value(&Cell::Count(number as u64));
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} on {}: {} trained parameters, {} examples, {} held out",
        job.recipe.method,
        job.base,
        count(trainee.parameter_count()),
        count(examples.0),
        count(examples.1),
    )?;
    if skipped > 0 {
        writeln!(out, "{} examples left out: too long", count(skipped))?;
    }
    Ok(())
}

/// Training and held-out loss by step.
fn curve(job: &Job, metrics: &[Metric]) -> Figure {
    let (mut train, mut held) = (Vec::new(), Vec::new());
    for metric in metrics {
        match metric {
            Metric::Step { step, loss, .. } => train.push((*step as f64, *loss)),
            Metric::Held { step, held_out_loss, .. } => held.push((*step as f64, *held_out_loss)),
        }
    }
    let series = [("training", train), ("held out", held)];
    let series = series.into_iter().filter(|(_, points)| !points.is_empty());
    Figure {
        title: format!("{} on {}", job.recipe.method, job.base),
        x: "step".to_owned(),
        y: "loss, nats a token".to_owned(),
        log_x: false,
        log_y: false,
        chart: Chart::Lines(series.map(|(name, points)| Series { name: name.to_owned(), points }).collect()),
    }
}

fn end(
    json: bool,
    dir: &Path,
    trainee: &Trainee,
    outcome: &Outcome,
    seconds: f64,
    speed: Option<f64>,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        let done = json!({
            "out": dir,
            "kept_step": outcome.kept,
            "stopped_early": outcome.stopped,
            "trained_parameters": trainee.parameter_count(),
            "optimiser_bytes": outcome.state_bytes,
            "seconds": seconds,
            "tokens_per_second": speed,
            "before": outcome.before,
            "after": outcome.after,
        });
        writeln!(out, "{done}")?;
        return Ok(());
    }
    let speed = speed.map_or_else(String::new, |speed| format!(", {speed:.0} tokens/s"));
    writeln!(out, "{seconds:.1} s{speed}")?;
    if let (Some(before), Some(after)) = (outcome.before, outcome.after) {
        writeln!(
            out,
            "held out: loss {:.4} → {:.4}, exactly right {:.1} % → {:.1} % of {}",
            before.loss,
            after.loss,
            100.0 * before.exact,
            100.0 * after.exact,
            after.examples,
        )?;
    }
    if outcome.stopped {
        writeln!(out, "stopped early; the tensors of step {} are kept", outcome.kept)?;
    }
    let what = if trainee.is_model() { "model" } else { "adapter" };
    writeln!(out, "{what}, card, metrics and {CURVE} are in {}", dir.display())?;
    Ok(())
}

fn list(json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        for task in tasks::all() {
            let (train, held) = (task.train().len(), task.held_out().len());
            let line = json!({"task": task.name, "about": task.about, "base": task.base, "source": task.source, "examples": train, "held_out": held});
            writeln!(out, "{line}")?;
        }
        for kind in Kind::ALL {
            writeln!(
                out,
                "{}",
                json!({"method": kind.name(), "about": kind.about(), "learning_rate": kind.learning_rate()})
            )?;
        }
        return Ok(());
    }
    writeln!(out, "Tasks:")?;
    for task in tasks::all() {
        writeln!(out, "  {:<10} {} [base {}; {}]", task.name, task.about, task.base, task.source)?;
    }
    writeln!(out, "\nMethods, with a learning rate to begin with:")?;
    for kind in Kind::ALL {
        writeln!(out, "  {:<11} {:<50} {:e}", kind.name(), kind.about(), kind.learning_rate())?;
    }
    Ok(())
}

fn write_data(dir: &Path, task: &tasks::Task) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::machine(format!("{}: {error}", dir.display())))?;
    for (name, records) in [("train.jsonl", task.train()), ("held_out.jsonl", task.held_out())] {
        data::write(&dir.join(name), &records).map_err(machine)?;
        writeln!(io::stdout().lock(), "{}: {} records", dir.join(name).display(), records.len())?;
    }
    Ok(())
}
