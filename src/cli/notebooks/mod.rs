//! `deltaw notebooks`: the chapters as Rust notebooks. Installs what they need, runs and judges them, opens them, makes them from their text.

mod chapter;
mod compare;
mod fault;
mod keep;
mod kernel;
mod open;
mod place;
mod run;
mod setup;
mod text;
mod toolchain;
mod verdict;
mod weave;
mod workspace;

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Global};

const EXAMPLES: &str = "\
Examples:
  deltaw notebooks setup             install what is missing, after saying what; then warm the cache
  deltaw notebooks open              start JupyterLab on the chapters
  deltaw notebooks setup --cuda      the same for an NVIDIA card; then `open --device cuda`, `run 02 --device auto`
  deltaw notebooks run 00            execute a chapter headless and judge every cell
  deltaw notebooks run --all --solutions --json
  deltaw notebooks weave 00          make the notebook from notebooks/source/00_….md";

/// Arguments of `deltaw notebooks`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder of the chapters; without it `notebooks` here or in a folder above
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Python that has nbclient and jupyterlab, instead of the environment that `setup` makes
    #[arg(long, global = true, value_name = "FILE", env = "DELTAW_JUPYTER")]
    python: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing (Jupyter, the Rust kernel) and warm the compile cache
    Setup(setup::Args),
    /// Execute chapters headless and judge every cell
    Run(run::Args),
    /// Start JupyterLab on the chapters
    Open(open::Args),
    /// Make notebooks from their text in notebooks/source, keeping outputs of unchanged cells
    Weave(weave::Args),
}

/// Runs `deltaw notebooks`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let place = place::Place::find(args.dir.as_deref(), args.python.as_deref(), global)?;
    match &args.command {
        Command::Setup(args) => setup::run(args, &place),
        Command::Run(args) => run::run(args, &place, global),
        Command::Open(args) => open::run(args, &place),
        Command::Weave(args) => weave::run(args, &place),
    }
}
