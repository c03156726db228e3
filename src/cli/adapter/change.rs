//! `deltaw adapter rerank`, `compose`, `merge` and `unmerge`.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde_json::json;

use super::{Failure, Global, Out, base, open, unusable};
use crate::{
    analysis::{adapter::spectrum, spectrum::energy_at},
    model::{Base, Decoder, one_line, save_like},
    peft::{
        self, Merged,
        compose::Combination,
        hub::{self, Modules, combine_modules, load_modules, rerank_modules},
    },
};

/// Arguments of `deltaw adapter rerank`.
#[derive(Debug, clap::Args)]
pub(super) struct RerankArgs {
    /// The adapter
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Rank of the new adapter
    #[arg(long)]
    rank: usize,
    #[command(flatten)]
    out: Out,
}

/// Arguments of `deltaw adapter compose`.
#[derive(Debug, clap::Args)]
pub(super) struct ComposeArgs {
    /// The adapters
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Their weights, with commas; 1 each without this
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    weights: Vec<f64>,
    /// How: `cat` and `svd` add the updates, the others mix factors as PEFT does
    #[arg(long, value_enum, default_value = "cat")]
    how: How,
    /// Rank of the result, for svd
    #[arg(long)]
    rank: Option<usize>,
    /// Share of entries that are kept, for magnitude-prune and ties
    #[arg(long, default_value_t = 0.5)]
    density: f64,
    #[command(flatten)]
    out: Out,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    Linear,
    Cat,
    Svd,
    MagnitudePrune,
    Ties,
}

/// Arguments of `deltaw adapter merge`.
#[derive(Debug, clap::Args)]
pub(super) struct MergeArgs {
    /// The adapter
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The base: tiny, smollm2, a model directory, a .gguf file, or owner/name on the Hugging Face hub
    #[arg(long, value_name = "DIR")]
    base: PathBuf,
    #[command(flatten)]
    out: Out,
}

/// Arguments of `deltaw adapter unmerge`.
#[derive(Debug, clap::Args)]
pub(super) struct UnmergeArgs {
    /// The adapter that was merged
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The merged model's directory
    #[arg(long, value_name = "DIR")]
    merged: PathBuf,
    #[command(flatten)]
    out: Out,
}

pub(super) fn rerank(args: &RerankArgs, global: &Global) -> Result<(), Failure> {
    let adapter = load_modules(&args.dir).map_err(unusable)?;
    let reranked = rerank_modules(&adapter, args.rank).map_err(unusable)?;
    let kept = |factors| spectrum(factors).map(|values| energy_at(&values, args.rank));
    let shares = adapter.factors.values().map(kept).collect::<candle_core::Result<Vec<f64>>>();
    let shares = shares.map_err(|error| Failure::machine(one_line(&error)))?;
    let least = shares.iter().copied().fold(1.0, f64::min);
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    write_modules(&reranked, args.out.dir()?)?;
    let mut out = io::stdout().lock();
    if global.json {
        let report = json!({"rank": args.rank, "energy_mean": mean, "energy_least": least, "parameters": reranked.parameter_count()});
        writeln!(out, "{report}")?;
    } else {
        writeln!(
            out,
            "{}: rank {} keeps {:.2} % of ‖ΔW‖² on average, {:.2} % where it keeps least",
            args.out.out.display(),
            args.rank,
            100.0 * mean,
            100.0 * least,
        )?;
    }
    Ok(())
}

fn write_modules(adapter: &Modules, dir: &Path) -> Result<(), Failure> {
    adapter.save(dir).map_err(|error| Failure::machine(one_line(&error)))
}

pub(super) fn compose(args: &ComposeArgs, global: &Global) -> Result<(), Failure> {
    let how = match args.how {
        How::Linear => Combination::Linear,
        How::Cat => Combination::Cat,
        How::Svd => match args.rank {
            Some(rank) => Combination::Svd { rank },
            None => return Err(Failure::usage("--how svd needs --rank")),
        },
        How::MagnitudePrune => Combination::MagnitudePrune { density: args.density },
        How::Ties => Combination::Ties { density: args.density },
    };
    let weights = if args.weights.is_empty() { vec![1.0; args.dirs.len()] } else { args.weights.clone() };
    if weights.len() != args.dirs.len() || weights.iter().any(|weight| !weight.is_finite()) {
        let (weights, dirs) = (weights.len(), args.dirs.len());
        return Err(Failure::usage(format!(
            "--weights has {weights} numbers for {dirs} adapters; give one finite number each"
        )));
    }
    let adapters: Vec<Modules> =
        args.dirs.iter().map(|dir| load_modules(dir)).collect::<candle_core::Result<_>>().map_err(unusable)?;
    let weighted: Vec<(&Modules, f64)> = adapters.iter().zip(weights).collect();
    let combined = combine_modules(&weighted, how).map_err(unusable)?;
    write_modules(&combined, args.out.dir()?)?;
    let ranks: Vec<usize> = combined.factors.values().map(peft::lora::Factors::rank).collect();
    let (low, high) = (ranks.iter().min().copied().unwrap_or(0), ranks.iter().max().copied().unwrap_or(0));
    let mut out = io::stdout().lock();
    if global.json {
        let report = json!({"modules": ranks.len(), "rank_least": low, "rank_most": high, "parameters": combined.parameter_count()});
        writeln!(out, "{report}")?;
    } else {
        let ranks = if low == high { format!("rank {low}") } else { format!("ranks {low} to {high}") };
        writeln!(out, "{}: {} modules of {ranks}, scale 1", args.out.out.display(), combined.factors.len())?;
    }
    Ok(())
}

pub(super) fn merge(args: &MergeArgs, global: &Global) -> Result<(), Failure> {
    let base = base(&args.base, &global.compute_here()?)?;
    let adapter = hub::load(&args.dir, &base).map_err(unusable)?;
    let mergeable = adapter.mergeable().map_err(|error| Failure::usage(error.to_string()))?;
    let merged = peft::merge(&base, mergeable).map_err(unusable)?;
    write_model(&merged.model, &args.base, args.out.dir()?)?;
    say(global, &args.out.out, &format!("{} merged into {}", adapter.name(), args.base.display()))
}

pub(super) fn unmerge(args: &UnmergeArgs, global: &Global) -> Result<(), Failure> {
    let merged = base(&args.merged, &global.compute_here()?)?;
    let adapter = hub::load(&args.dir, &merged).map_err(unusable)?;
    let mergeable = adapter.mergeable().map_err(|error| Failure::usage(error.to_string()))?;
    let restored = Merged::of(merged).unmerge(mergeable).map_err(unusable)?;
    write_model(&restored, &args.merged, args.out.dir()?)?;
    say(global, &args.out.out, &format!("{} taken out of {}, up to rounding", adapter.name(), args.merged.display()))
}

/// Writes a model as a changed copy of `like`; one that is no directory lends its tokenizer and chat template.
fn write_model(model: &Decoder, like: &Path, dir: &Path) -> Result<(), Failure> {
    let written = match like.is_dir() {
        true => save_like(model, like, dir),
        false => Base { model: model.clone(), ..open(like, model.device())? }.save(dir),
    };
    written.map_err(|error| Failure::machine(one_line(&error)))
}

fn say(global: &Global, dir: &Path, what: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match global.json {
        true => writeln!(out, "{}", json!({"out": dir, "done": what}))?,
        false => writeln!(out, "{}: {what}", dir.display())?,
    }
    Ok(())
}
