//! `deltaw adapter`: look into adapters on disk, change them, merge them.

mod audit;
mod change;
mod inspect;

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use candle_core::Device;
use clap::Subcommand;

use super::{Failure, Global};
use crate::model::{Base, Decoder, Options, load_dir, one_line};

const EXAMPLES: &str = "\
Adapters are directories as Hugging Face PEFT writes them: adapter_config.json and adapter_model.safetensors.

Examples:
  deltaw adapter inspect my-lora --plot spectra.svg      sizes, singular values, the rank it needs
  deltaw adapter audit my-lora --base llama --merged out  names, orientation, dead tensors, the scale of a merge
  deltaw adapter rerank my-lora --rank 4 --out small     the nearest adapter of rank 4
  deltaw adapter compose a b --weights 0.7,0.3 --out ab  one adapter of two, exactly
  deltaw adapter diff a b                                how far two adapters are apart
  deltaw adapter merge my-lora --base llama --out full   a plain model";

/// Arguments of `deltaw adapter`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// What is in an adapter: counts, norms, singular values, the rank it needs
    Inspect(inspect::Args),
    /// How far two adapters are apart, module by module
    Diff(inspect::DiffArgs),
    /// Look for what goes wrong with published adapters
    Audit(audit::Args),
    /// The nearest adapter of another rank
    Rerank(change::RerankArgs),
    /// One adapter of several
    Compose(change::ComposeArgs),
    /// Merge an adapter into its base: a plain model directory
    Merge(change::MergeArgs),
    /// Take an adapter out of a merged model again
    Unmerge(change::UnmergeArgs),
}

/// Runs `deltaw adapter`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    match &args.action {
        Action::Inspect(args) => inspect::run(args, global),
        Action::Diff(args) => inspect::diff(args, global),
        Action::Audit(args) => audit::run(args, global),
        Action::Rerank(args) => change::rerank(args, global),
        Action::Compose(args) => change::compose(args, global),
        Action::Merge(args) => change::merge(args, global),
        Action::Unmerge(args) => change::unmerge(args, global),
    }
}

/// An error about what the user gave.
fn unusable(error: candle_core::Error) -> Failure {
    Failure::usage(one_line(&error))
}

/// The decoder that `--base` names: a model directory, with or without a tokenizer, or any other base.
fn base(name: &Path, device: &Device) -> Result<Decoder, Failure> {
    match name.is_dir() {
        true => load_dir(name, device).map_err(unusable),
        false => open(name, device).map(|base| base.model),
    }
}

/// A base with its tokenizer.
fn open(name: &Path, device: &Device) -> Result<Base, Failure> {
    let options = Options { progress: std::io::stderr().is_terminal(), ..Options::default() };
    Base::open(&name.to_string_lossy(), &options, device).map_err(unusable)
}

/// Where to write.
#[derive(Debug, clap::Args)]
struct Out {
    /// Directory to write; it must be new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write into a directory that is not empty
    #[arg(long)]
    force: bool,
}

impl Out {
    /// The directory, if it may be written.
    fn dir(&self) -> Result<&Path, Failure> {
        let filled = std::fs::read_dir(&self.out).is_ok_and(|mut entries| entries.next().is_some());
        match filled && !self.force {
            true => Err(Failure::usage(format!(
                "{} is not empty; name another directory or say --force",
                self.out.display()
            ))),
            false => Ok(&self.out),
        }
    }
}
