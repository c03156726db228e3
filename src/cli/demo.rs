//! `deltaw demo`: run a live demo.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use indicatif::ProgressBar;
use serde_json::json;

use super::{Failure, Global, show};
use crate::{
    demos::{self, Error, Report},
    plot,
};

const EXAMPLES: &str = "\
Examples:
  deltaw demo                                     list the demos
  deltaw demo svd                                 the singular values of a real update
  deltaw demo params --set model=llama-2-70b --set rank=64
  deltaw demo b-zero --set init=both-zero         what happens when both factors start at zero
  deltaw demo svd --plot spectra.svg --json";

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Arguments of `deltaw demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The demo; without it they are listed
    name: Option<String>,
    /// Set an argument of the demo; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Write the figure to this file, .svg or .png
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Runs `deltaw demo`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: Args, global: &Global) -> Result<(), Failure> {
    let Some(name) = &args.name else { return list(global.json) };
    let mut settings = demos::Args::new();
    for setting in &args.set {
        let (key, value) =
            setting.split_once('=').ok_or_else(|| Failure::usage(format!("--set {setting}: write NAME=VALUE")))?;
        settings.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    if let Some(file) = &args.plot {
        plot::check_name(file).map_err(|error| Failure::usage(error.to_string()))?;
    }
    global.compute_here()?;
    let report = compute(name, &settings).map_err(failure)?;
    if let (Some(file), Some(figure)) = (&args.plot, &report.figure) {
        plot::write(figure, file).map_err(|error| Failure::machine(error.to_string()))?;
    }
    let mut out = io::stdout().lock();
    if global.json {
        let text = serde_json::to_string(&report).map_err(|error| Failure::machine(error.to_string()))?;
        writeln!(out, "{text}")?;
    } else {
        write!(out, "{}", show::report(&report, show::width()))?;
        if let Some(file) = &args.plot {
            writeln!(out, "\nFigure: {}", file.display())?;
        }
    }
    Ok(())
}

/// Runs a demo, with a spinner while it computes where somebody watches.
///
/// # Errors
/// See [`demos::run`].
pub fn compute(name: &str, args: &demos::Args) -> Result<Report, Error> {
    let spinner = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    spinner.set_message(format!("computing {name}"));
    spinner.enable_steady_tick(TICK);
    let report = demos::run(name, args);
    spinner.finish_and_clear();
    report
}

/// A demo's error as the command line's: what was typed wrongly against what failed.
#[must_use]
pub fn failure(error: Error) -> Failure {
    match error {
        Error::Unknown { .. } | Error::Argument { .. } => Failure::usage(error.to_string()),
        Error::Compute(_) | Error::Other(_) => Failure::machine(error.to_string()),
    }
}

fn list(json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for demo in demos::registry() {
        if json {
            let takes: Vec<_> =
                demo.args.iter().map(|a| json!({"name": a.name, "default": a.default, "help": a.help})).collect();
            writeln!(out, "{}", json!({"name": demo.name, "about": demo.about, "args": takes}))?;
        } else {
            writeln!(out, "{:<17} {}", demo.name, demo.about)?;
            for arg in demo.args {
                writeln!(out, "    {:<9} {} (default {})", arg.name, arg.help, arg.default)?;
            }
        }
    }
    Ok(())
}
