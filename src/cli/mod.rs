//! The command line: one thin file per subcommand.

pub mod adapter;
pub mod advise;
pub mod arena;
pub mod bank;
pub mod base;
pub mod calc;
pub mod claims;
pub mod class;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod drill;
pub mod embeddings;
pub mod eval;
pub mod export;
mod failure;
pub mod generate;
pub mod gpu_check;
pub mod grade;
pub mod judge;
pub mod notebooks;
pub mod parity;
#[cfg(feature = "serve")]
pub mod serve;
pub mod show;
pub mod stats;
mod terminal_plot;
pub mod train;
pub mod transfer;
pub mod verdict;

use std::{path::PathBuf, process::ExitCode};

use candle_core::Device;
use clap::{Parser, Subcommand};

pub use failure::Failure;

use crate::arena::Meter;
use crate::device::{self, Choice};
use crate::quiz::bank::{self as question_bank, Bank};

const EXAMPLES: &str = "\
Examples:
  deltaw                                   be interviewed
  deltaw --mode mock --section lora        a timed mock interview on one section
  deltaw demo svd                          the singular values of a real update, computed now
  deltaw grade --id g07 --answer 'B = 0'   judge one answer
  deltaw doctor                            what this machine has and lacks

Exit codes: 0 success, 1 the work failed or a check found something, 2 the input cannot be used.";

/// Learn LoRA and parameter-efficient fine-tuning: a drill that grades your own words and runs the evidence.
#[derive(Debug, Parser)]
#[command(name = "deltaw", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    drill: drill::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options every command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Global {
    /// Print JSON, one object a line, for scripts
    #[arg(long, global = true)]
    pub json: bool,
    /// Keep progress in this directory instead of the XDG data directory
    #[arg(long, global = true, value_name = "DIR", env = "DELTAW_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Use this question bank instead of the built-in one
    #[arg(long, global = true, value_name = "FILE")]
    pub bank: Option<PathBuf>,
    /// Where to compute: cpu, cuda, cuda:1, or auto (the first GPU, or the CPU where there is none) [default: cpu]
    #[arg(long, global = true, value_name = "DEVICE", env = "DELTAW_DEVICE")]
    pub device: Option<Choice>,
}

impl Global {
    /// Lets this thread compute, on the device that [`open_device`](Self::open_device) opens.
    ///
    /// # Errors
    /// As there.
    pub fn compute_here(&self) -> Result<Device, Failure> {
        device::join_pool();
        self.open_device()
    }

    /// Opens the device that computes, for the command itself and for demos and claims. A fallback to the CPU is said on standard error.
    ///
    /// # Errors
    /// A GPU is asked for by name and cannot be used.
    pub fn open_device(&self) -> Result<Device, Failure> {
        let choice = self.device.unwrap_or_default();
        let opened = choice.open().map_err(|why| Failure::usage(format!("--device {choice}: {why}")))?;
        if let Some(note) = &opened.note {
            anstream::eprintln!("deltaw: {note}");
        }
        device::make_current(&opened.device);
        Ok(opened.device)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be interviewed (the default)
    Drill(drill::Args),
    /// Judge an answer, or a file of them, without the REPL
    Grade(grade::Args),
    /// Work on question banks
    Bank(bank::Args),
    /// Run a live demo
    Demo(demo::Args),
    /// What is said about LoRA, what is true, and the evidence
    Claims(claims::Args),
    /// Exercises for a class, their grading, the teacher's page
    Class(class::Args),
    /// What your record says
    Stats(stats::Args),
    /// Write your progress as JSON, or the questions as cards, a sheet or Markdown
    Export(export::Args),
    /// Read progress back from JSON
    Import(transfer::ImportArgs),
    /// Fine-tune a base by any method
    Train(Box<train::Args>),
    /// Compare all methods on one base and task at an equal budget
    Arena(arena::Args),
    /// Calculate trainable parameters and memory
    Calc(calc::Args),
    /// Recommend a way of fine-tuning, with the arithmetic and the commands
    Advise(advise::Args),
    /// Look into adapters on disk, change them, merge them
    Adapter(adapter::Args),
    /// Perplexity and exact match of a base and an adapter on examples
    Eval(eval::Args),
    /// Write text with a base and an adapter
    Generate(generate::Args),
    /// Hold the methods against golden vectors of other libraries
    Parity(parity::Args),
    /// Serve many adapters on one base over HTTP
    #[cfg(feature = "serve")]
    Serve(Box<serve::Args>),
    /// The chapters as Rust notebooks: set up, run, open
    Notebooks(notebooks::Args),
    /// Check this machine's GPU: is everything right there, and how fast
    GpuCheck(gpu_check::Args),
    /// What this machine has, and what brings what it lacks
    Doctor(doctor::Args),
    /// Print shell completions
    Completions(completions::Args),
}

/// Runs the program on the process's own arguments; `meter` reads the program's allocator.
#[must_use]
pub fn main(meter: Meter) -> ExitCode {
    match run(Cli::parse(), meter) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            if code != 0 {
                anstream::eprintln!("deltaw: {failure}");
            }
            ExitCode::from(code)
        }
    }
}

fn run(cli: Cli, meter: Meter) -> Result<(), Failure> {
    let global = &cli.global;
    match cli.command {
        None => drill::run(cli.drill, global),
        Some(Command::Drill(args)) => drill::run(args, global),
        Some(Command::Grade(args)) => grade::run(args, global),
        Some(Command::Bank(args)) => bank::run(args, global),
        Some(Command::Demo(args)) => demo::run(args, global),
        Some(Command::Claims(args)) => claims::run(&args, global),
        Some(Command::Class(args)) => class::run(&args, global),
        Some(Command::Stats(args)) => stats::run(args, global),
        Some(Command::Export(args)) => export::run(args, global),
        Some(Command::Import(args)) => transfer::import(args, global),
        Some(Command::Train(args)) => train::run(&args, global),
        Some(Command::Arena(args)) => arena::run(&args, global, meter),
        Some(Command::Calc(args)) => calc::run(&args, global),
        Some(Command::Advise(args)) => advise::run(&args, global),
        Some(Command::Adapter(args)) => adapter::run(&args, global),
        Some(Command::Eval(args)) => eval::run(&args, global),
        Some(Command::Generate(args)) => generate::run(&args, global),
        Some(Command::Parity(args)) => parity::run(&args, global),
        #[cfg(feature = "serve")]
        Some(Command::Serve(args)) => serve::run(*args, global),
        Some(Command::Notebooks(args)) => notebooks::run(&args, global),
        Some(Command::GpuCheck(args)) => gpu_check::run(&args, global, meter),
        Some(Command::Doctor(args)) => doctor::run(args, global),
        Some(Command::Completions(args)) => completions::run(&args),
    }
}

/// The bank named by `--bank`, or the built-in one.
///
/// # Errors
/// The file cannot be read or is no bank; `deltaw bank check FILE` lists every fault.
pub fn open_bank(global: &Global) -> Result<Bank, Failure> {
    match &global.bank {
        Some(file) => question_bank::load_file(file).map_err(|error| Failure::usage(error.to_string())),
        None => question_bank::builtin().map_err(|error| Failure::machine(error.to_string())),
    }
}
