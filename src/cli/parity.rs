//! `deltaw parity`: hold the methods against golden vectors of other libraries.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use candle_core::Device;

use super::{Failure, Global, verdict::clean};
use crate::{
    model::one_line,
    parity::{self, Check, Outcome, Report},
};

const EXAMPLES: &str = "\
A directory holds `base/` (config.json, model.safetensors) and one folder per case with case.json (hyper-parameters, optimiser,
tolerances), io.safetensors (inputs, expected outputs) and the adapter as its library saves it.

Examples:
  deltaw parity tests/data/goldens                     the cases that are kept with the source
  deltaw parity tests/data/goldens --case train_dora --all
  deltaw parity mine theirs --json                     one object per case";

/// Arguments of `deltaw parity`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Directories of golden cases
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Run only this case; may be repeated
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// Print every comparison, not only the closest to its tolerance
    #[arg(long)]
    all: bool,
}

/// Runs `deltaw parity`.
///
/// # Errors
/// See [`Failure`]; a case that fails ends with exit code 1.
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let (mut failed, mut ran) = (0, 0);
    let device = global.compute_here()?;
    for dir in &args.dirs {
        for report in reports(dir, &args.case, &device)? {
            match report.passes() {
                true => ran += 1,
                false => failed += 1,
            }
            show(&report, args.all, global.json)?;
        }
    }
    let mut out = io::stdout().lock();
    if !global.json {
        writeln!(out, "{ran} passed, {failed} failed")?;
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::Finding("1 case is not at parity".to_owned())),
        _ => Err(Failure::Finding(format!("{failed} cases are not at parity"))),
    }
}

/// Runs the cases of `dir` one by one.
fn reports<'a>(dir: &'a Path, only: &[String], device: &Device) -> Result<impl Iterator<Item = Report> + 'a, Failure> {
    let unusable = |error: candle_core::Error| Failure::usage(one_line(&error));
    let mut names = parity::cases(dir).map_err(unusable)?;
    if let Some(odd) = only.iter().find(|name| !names.contains(name)) {
        return Err(Failure::usage(format!("{} has no case `{odd}`; it has {}", dir.display(), names.join(", "))));
    }
    names.retain(|name| only.is_empty() || only.contains(name));
    let base = parity::base(dir, device).map_err(unusable)?;
    Ok(names.into_iter().map(move |name| parity::run(dir, &name, &base)))
}

fn show(report: &Report, all: bool, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        let text = serde_json::to_string(report).map_err(|error| Failure::machine(error.to_string()))?;
        writeln!(out, "{text}")?;
        return Ok(());
    }
    let mark = if report.passes() { "ok  " } else { "FAIL" };
    match &report.outcome {
        Outcome::Broken(why) => writeln!(out, "{mark} {:<26} {}", clean(&report.case), clean(why))?,
        Outcome::Compared(checks) => {
            let worst = checks.iter().max_by(|a, b| share(a).total_cmp(&share(b)));
            let shown: Vec<&Check> = if all { checks.iter().collect() } else { worst.into_iter().collect() };
            for check in shown {
                let mark = if check.passes() { mark } else { "FAIL" };
                writeln!(
                    out,
                    "{mark} {:<26} abs {:.1e}  rel {:.1e}  tolerance {:.1e}  {}",
                    clean(&report.case),
                    check.absolute,
                    check.relative,
                    check.tolerance,
                    clean(&check.what),
                )?;
            }
        }
    }
    Ok(())
}

/// How much of its tolerance a comparison uses; NaN uses more than all of it.
fn share(check: &Check) -> f64 {
    match check.absolute / check.tolerance {
        share if share.is_nan() && check.absolute == 0.0 => 0.0,
        share if share.is_nan() => f64::INFINITY,
        share => share,
    }
}
