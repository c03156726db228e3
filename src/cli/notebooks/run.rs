//! `deltaw notebooks run`: execute chapters headless and judge every cell.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;

use super::{
    chapter::{self, Cell},
    fault::Fault,
    keep,
    kernel::{self, Event, Limits},
    place::Place,
    verdict::{Expect, judge},
    weave,
};
use crate::cli::{Failure, Global};

/// Lines of a fault that are shown.
const SHOWN: usize = 24;

/// Arguments of `deltaw notebooks run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Chapters by the beginning of their name, such as 00
    #[arg(required_unless_present = "all")]
    names: Vec<String>,
    /// All chapters
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// After each check that fails unsolved, as it must, run the solution; then the check must pass
    #[arg(long)]
    solutions: bool,
    /// Keep the outputs in the notebook, if every cell went well
    #[arg(long)]
    write: bool,
    /// Seconds the kernel may take to start; the first start compiles everything
    #[arg(long, default_value_t = 1800, value_name = "SECONDS")]
    startup: u64,
    /// Seconds a cell may take
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    timeout: u64,
}

/// A cell to run: which one of the chapter, what, and how it is judged.
#[derive(Debug, Clone)]
struct Step {
    cell: usize,
    source: String,
    expect: Expect,
    solution: bool,
}

/// How a cell went.
#[derive(Debug, Clone, Serialize)]
struct Went {
    chapter: String,
    cell: String,
    solution: bool,
    ok: bool,
    seconds: f64,
    faults: Vec<Fault>,
}

pub(super) fn run(args: &Args, place: &Place, global: &Global) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for stem in place.choose(&args.names, "", "ipynb")? {
        if !chapter(&stem, args, place, global.json)? {
            failed.push(stem);
        }
    }
    match failed.as_slice() {
        [] => Ok(()),
        failed => Err(Failure::Finding(format!("failed: {}", failed.join(", ")))),
    }
}

/// Runs one chapter; says whether every cell went well.
fn chapter(stem: &str, args: &Args, place: &Place, json: bool) -> Result<bool, Failure> {
    let path = place.file("", stem, "ipynb");
    let mut cells = chapter::read(&path)?;
    let solutions = if args.solutions { weave::solutions(place, stem)? } else { Vec::new() };
    let steps = plan(&cells, &solutions, args.write);
    let sources: Vec<String> = steps.iter().map(|step| step.source.clone()).collect();
    let limits = Limits { startup: args.startup, cell: args.timeout };
    let bar =
        if io::stderr().is_terminal() && !json { ProgressBar::new(steps.len() as u64) } else { ProgressBar::hidden() };
    bar.set_message("starting the kernel");
    let (mut went, mut kept): (Vec<Went>, Vec<(usize, Vec<Value>)>) = (Vec::new(), Vec::new());
    let mut startup = 0.0;
    kernel::execute(place, &sources, limits, |event| {
        let Some(step) = steps.get(went.len()) else { return Ok(()) };
        let (seconds, faults) = match event {
            Event::Started(seconds) => {
                startup = seconds;
                return bar.suspend(|| tell_start(stem, seconds, json));
            }
            Event::Dead(why) => (0.0, vec![Fault::Dead(why)]),
            Event::Cell(cell) => {
                let faults = judge(&cells[step.cell], &cell.outputs, step.expect);
                if !step.solution {
                    kept.push((step.cell, keep::outputs(&cell.outputs)));
                }
                (cell.seconds, faults)
            }
        };
        let cell = cells[step.cell].id.clone();
        let one =
            Went { chapter: stem.to_owned(), cell, solution: step.solution, ok: faults.is_empty(), seconds, faults };
        bar.inc(1);
        bar.suspend(|| tell(&one, json))?;
        went.push(one);
        Ok(())
    })?;
    bar.finish_and_clear();
    let ok = went.len() == steps.len() && went.iter().all(|one| one.ok);
    if ok && args.write {
        for (cell, outputs) in kept {
            cells[cell].outputs = if cells[cell].has("check") { Vec::new() } else { outputs };
        }
        chapter::write(&path, &chapter::text(&cells)?)?;
    }
    summary(stem, &went, steps.len(), startup, json)?;
    Ok(ok)
}

/// What is run, in order. With solutions, each check is followed by the solutions of the exercises before it and by the check again.
fn plan(cells: &[Cell], solutions: &[Cell], write: bool) -> Vec<Step> {
    let usual = if write { Expect::Sound } else { Expect::Committed };
    let (mut steps, mut open) = (Vec::new(), Vec::new());
    for (index, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.code) {
        let step = |source: &str, expect, solution| Step { cell: index, source: source.to_owned(), expect, solution };
        let check = cell.has("check");
        steps.push(step(&cell.source, if check { Expect::FailedCheck } else { usual }, false));
        if cell.has("exercise") {
            open.push(index);
        }
        if check {
            let solved: Vec<usize> = std::mem::take(&mut open);
            for exercise in solved.into_iter().filter(|_| !solutions.is_empty()) {
                if let Some(solution) = solutions.iter().find(|solution| solution.id == cells[exercise].id) {
                    steps.push(Step {
                        cell: exercise,
                        source: solution.source.clone(),
                        expect: Expect::Sound,
                        solution: true,
                    });
                }
            }
            if !solutions.is_empty() {
                steps.push(step(&cell.source, Expect::PassedCheck, true));
            }
        }
    }
    steps
}

fn tell_start(stem: &str, seconds: f64, json: bool) -> Result<(), Failure> {
    if !json {
        writeln!(io::stdout(), "{stem}: kernel up after {seconds:.1} s")?;
    }
    Ok(())
}

fn tell(went: &Went, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        let line = serde_json::to_string(went).map_err(|error| Failure::machine(error.to_string()))?;
        writeln!(out, "{line}")?;
        return Ok(());
    }
    let (mark, solved) = (if went.ok { "ok  " } else { "FAIL" }, if went.solution { " (solved)" } else { "" });
    writeln!(out, "{mark} {:>7.2} s  {}{solved}", went.seconds, went.cell)?;
    for fault in &went.faults {
        for line in fault.text().lines().take(SHOWN) {
            writeln!(out, "               {line}")?;
        }
    }
    Ok(())
}

fn summary(stem: &str, went: &[Went], planned: usize, startup: f64, json: bool) -> Result<(), Failure> {
    let ok = went.iter().filter(|one| one.ok).count();
    let first = went.first().map_or(0.0, |one| one.seconds);
    let total: f64 = went.iter().map(|one| one.seconds).sum();
    let mut later: Vec<f64> = went.iter().skip(1).map(|one| one.seconds).collect();
    later.sort_by(f64::total_cmp);
    let median = later.get(later.len() / 2).copied().unwrap_or_default();
    if json {
        let line = serde_json::json!({
            "chapter": stem, "cells": planned, "ok_cells": ok, "startup": startup, "seconds": total, "first": first, "later_median": median,
        });
        writeln!(io::stdout(), "{line}")?;
    } else {
        writeln!(
            io::stdout(),
            "{stem}: {ok} of {planned} cells ok; start {startup:.1} s, first cell {first:.1} s, later cells {median:.2} s (median), all {total:.1} s"
        )?;
    }
    Ok(())
}
