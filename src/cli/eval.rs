//! `deltaw eval`: how well a base, with or without an adapter, does on examples.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};

use indicatif::ProgressBar;
use serde_json::json;

use super::{Failure, Global, base::BaseArgs};
use crate::{
    model::{Base, Doors, Shut, one_line},
    train::{
        Example,
        data::{self, Limits, Record},
        evaluate,
    },
};

/// Examples between two steps of the progress bar.
const CHUNK: usize = 32;

const EXAMPLES: &str = "\
Data is one JSON object a line: {\"prompt\": …, \"completion\": …}, {\"messages\": [{\"role\": …, \"content\": …}, …]} or {\"text\": …}.
Completions and the assistant's turns are scored, and every token of a text but its first.

Perplexity is e to the mean loss of the scored tokens. An example is exactly matched if the model, at each scored token, finds the right
one the likeliest: if and only if greedy decoding would write all of it.

Examples:
  deltaw eval --data held.jsonl                                      the tiny base
  deltaw eval --base smollm2 --adapter my-lora --data held.jsonl     with an adapter; compare without
  deltaw eval --base smollm2 --data book.jsonl --limit 50 --json";

/// Arguments of `deltaw eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    base: BaseArgs,
    /// Examples, as JSON lines
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Only the first N
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Leave out examples longer than the base's context instead of refusing the file
    #[arg(long)]
    skip_long: bool,
}

/// What was found.
struct Found {
    loss: f64,
    tokens: usize,
    exact: f64,
}

/// Runs `deltaw eval`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let unusable = |error: candle_core::Error| Failure::usage(one_line(&error));
    let mut lines = data::read(&args.data).map_err(|error| Failure::usage(error.to_string()))?;
    lines.truncate(args.limit.unwrap_or(usize::MAX));
    if lines.is_empty() {
        return Err(Failure::usage("--limit 0 leaves nothing to evaluate"));
    }
    // Greedy decoding never writes a whole text, whose first tokens nothing announces.
    let answers = lines.iter().any(|line| !matches!(line.record, Record::Text { .. }));
    let base = args.base.open(&global.compute_here()?)?;
    let adapter = args.base.adapter(&base)?;
    let doors = adapter.as_ref().map_or(&Shut as _, |adapter| adapter.doors());
    let limits = Limits { tokens: base.context(), skip: args.skip_long };
    let (examples, skipped) = data::encode_all(&lines, &base, limits)
        .map_err(|error| Failure::usage(format!("{}: {}", args.data.display(), one_line(&error))))?;
    let found = over(&base, doors, &examples).map_err(unusable)?;

    let (perplexity, mut out) = (found.loss.exp(), io::stdout().lock());
    if global.json {
        let summary = json!({
            "base": base.name, "adapter": args.base.adapter, "examples": examples.len(), "left_out": skipped,
            "scored_tokens": found.tokens, "loss": found.loss, "perplexity": perplexity,
            "exact_match": answers.then_some(found.exact),
        });
        writeln!(out, "{summary}")?;
        return Ok(());
    }
    writeln!(out, "examples     {}, {} scored tokens", examples.len(), found.tokens)?;
    if skipped > 0 {
        writeln!(out, "left out     {skipped}, longer than the context of {} tokens", base.context())?;
    }
    writeln!(out, "loss         {:.4} nats a token", found.loss)?;
    writeln!(out, "perplexity   {perplexity:.3}")?;
    if answers {
        writeln!(out, "exact match  {:.1} %", 100.0 * found.exact)?;
    }
    Ok(())
}

/// Evaluates chunk by chunk, with a progress bar where somebody watches.
fn over(base: &Base, doors: &dyn Doors, examples: &[Example]) -> candle_core::Result<Found> {
    let watched = io::stderr().is_terminal();
    let bar = if watched { ProgressBar::new(examples.len() as u64) } else { ProgressBar::hidden() };
    let mut found = Found { loss: 0.0, tokens: 0, exact: 0.0 };
    for chunk in examples.chunks(CHUNK) {
        let held = evaluate(&base.model, doors, chunk, base.tokenizer.pad())?;
        let tokens: usize = chunk.iter().map(Example::count).sum();
        found.loss += held.loss * tokens as f64;
        found.tokens += tokens;
        found.exact += held.exact * chunk.len() as f64;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    found.loss /= found.tokens.max(1) as f64;
    found.exact /= examples.len() as f64;
    Ok(found)
}
