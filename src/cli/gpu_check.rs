//! `deltaw gpu-check`: is everything right on this GPU, and how fast is it.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{Failure, Global};
use crate::{
    arena::Meter,
    device::Choice,
    gpu_check::{self, Part, Plan, Record},
    model::{one_line, write_whole},
};

const EXAMPLES: &str = "\
Without --device it takes the first GPU. It needs the folder tests/data/goldens of the source (7 MB), which goes with the program to a machine
that has no Rust; nothing else. What has not begun after eight minutes is left out, and the record says so.

Examples:
  deltaw gpu-check --out docs/gpu                         the record of the first GPU: NAME.json and NAME.md
  ./deltaw gpu-check --goldens goldens --out .            the same of a program that was carried to another machine
  deltaw gpu-check --only kernels,bench                   two parts, printed
  deltaw gpu-check --python ~/torch/bin/python            with PyTorch's grouped product beside the mixed batch
  deltaw gpu-check --device cpu --small                   tries the check itself out: no statement about a GPU";

/// Arguments of `deltaw gpu-check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only these parts: parity, kernels, bench, demos, sanitizer
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    only: Vec<Part>,
    /// The folder of golden cases
    #[arg(long, value_name = "DIR", default_value = "tests/data/goldens")]
    goldens: PathBuf,
    /// Write the record and its page into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Small shapes and few rounds; on a CPU always
    #[arg(long)]
    small: bool,
    /// A Python whose PyTorch, if it has one, is measured beside the mixed batch
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Minutes after which nothing begins any more
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
}

/// Runs `deltaw gpu-check`.
///
/// # Errors
/// See [`Failure`]; a check that fails ends with exit code 1.
pub fn run(args: &Args, global: &Global, meter: Meter) -> Result<(), Failure> {
    let choice = global.device.unwrap_or(Choice::Cuda(0));
    let device = Global { device: Some(choice), ..global.clone() }.compute_here()?;
    let parts = if args.only.is_empty() { Part::ALL.to_vec() } else { args.only.clone() };
    if parts.contains(&Part::Parity) && !args.goldens.join("base").is_dir() {
        return Err(Failure::usage(format!(
            "{}: no golden cases there; carry tests/data/goldens of the source with the program and name it by --goldens DIR",
            args.goldens.display()
        )));
    }
    let plan = Plan {
        small: args.small || device.is_cpu(),
        index: if let Choice::Cuda(index) = choice { index } else { 0 },
        device,
        parts,
        goldens: args.goldens.clone(),
        commit: commit(),
        python: args.python.clone(),
        budget: Duration::from_secs(60 * u64::from(args.minutes)),
    };
    // Products in f32 are computed in f32, not in TF32, whose 10 bits of fraction no golden case would pass.
    candle_core::cuda::set_gemm_reduced_precision_f32(false);
    let watch = &mut |what: &str| anstream::eprintln!("{what} ...");
    let record = gpu_check::run(&plan, meter, watch).map_err(|error| Failure::machine(one_line(&error)))?;
    let failed = record.failures().count();
    match &args.out {
        Some(dir) => write(&record, dir)?,
        None => print(&record, global.json)?,
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Finding(format!("{failed} of {} checks failed", record.checks.len()))),
    }
}

fn print(record: &Record, json: bool) -> Result<(), Failure> {
    let text = if json { text(record)? } else { record.page() };
    Ok(writeln!(io::stdout().lock(), "{}", text.trim_end())?)
}

fn text(record: &Record) -> Result<String, Failure> {
    serde_json::to_string_pretty(record).map_err(|error| Failure::machine(error.to_string()))
}

fn write(record: &Record, dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::usage(format!("{}: {error}", dir.display())))?;
    for (ending, text) in [("json", text(record)? + "\n"), ("md", record.page())] {
        let file = dir.join(format!("{}.{ending}", record.file_name()));
        write_whole(&file, text.as_bytes()).map_err(|error| Failure::machine(one_line(&error)))?;
        writeln!(io::stdout().lock(), "{}", file.display())?;
    }
    Ok(())
}

/// The commit of the build if it was told, else that of the directory, if it is one.
fn commit() -> String {
    let here = || {
        let output = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    option_env!("DELTAW_COMMIT").map(str::to_owned).or_else(here).unwrap_or_else(|| "unknown".to_owned())
}
