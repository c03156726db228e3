//! `deltaw generate`: text from a base, with or without an adapter.

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    time::Instant,
};

use serde_json::json;

use super::{Failure, Global, base::BaseArgs};
use crate::{
    generate::{Generation, Sampling, Stop},
    model::{Base, Message, Shut, one_line},
};

/// The longest prompt that is read from a pipe, in bytes.
const PROMPT_LIMIT: u64 = 4 << 20;

const EXAMPLES: &str = "\
Examples:
  deltaw generate 'rev:hello>'                                  the built-in tiny base
  deltaw generate --base smollm2 'Why is the sky blue?'         as a chat, through the model's own template
  deltaw generate --base smollm2 --raw 'The capital of France is' --max-tokens 5
  deltaw generate --base smollm2 --adapter my-lora --temperature 0.7 --seed 3 'A haiku on rank'
  echo 'Name three colours.' | deltaw generate --base model.gguf --kept -";

/// Arguments of `deltaw generate`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to go on from; - reads it from standard input
    prompt: String,
    #[command(flatten)]
    base: BaseArgs,
    /// The most tokens to write
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_tokens: usize,
    /// 0 takes the likeliest token each time; 1 draws from the model's own distribution
    #[arg(long, value_name = "T", default_value_t = 0.0, allow_negative_numbers = true)]
    temperature: f64,
    /// Draw from the likeliest tokens that make up this share of the probability
    #[arg(long, value_name = "P", default_value_t = 1.0)]
    top_p: f64,
    /// Seed of the draws
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// What the chat's system message says
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    system: Option<String>,
    /// Go on from the prompt as it stands, without the chat template
    #[arg(long)]
    raw: bool,
}

/// Runs `deltaw generate`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let unusable = |error: candle_core::Error| Failure::usage(one_line(&error));
    let sampling = Sampling::new(args.temperature, args.top_p, args.seed).map_err(unusable)?;
    let text = prompt(&args.prompt)?;
    let base = args.base.open(&global.compute_here()?)?;
    let adapter = args.base.adapter(&base)?;
    let doors = adapter.as_ref().map_or(&Shut as _, |adapter| adapter.doors());
    let ids = ids(args, &base, text)?;

    let start = Instant::now();
    let mut answer = Generation::new(&base, doors, &ids, args.max_tokens, sampling).map_err(unusable)?;
    let read = start.elapsed().as_secs_f64();
    let (mut out, mut text, start) = (io::stdout().lock(), String::new(), Instant::now());
    while let Some(piece) = answer.next_piece().map_err(|error| Failure::machine(one_line(&error)))? {
        if !global.json {
            out.write_all(piece.as_bytes())?;
            out.flush()?;
        }
        text += &piece;
    }
    let wrote = start.elapsed().as_secs_f64();
    let (count, stop) = (answer.ids().len(), answer.stop().unwrap_or(Stop::Length));
    // The first token comes out of reading the prompt.
    let rate = count.saturating_sub(1) as f64 / wrote.max(f64::EPSILON);
    if global.json {
        let summary = json!({
            "base": base.name, "adapter": args.base.adapter, "text": text, "stop": stop.name(), "prompt_tokens": ids.len(),
            "tokens": count, "prompt_seconds": read, "seconds": wrote, "tokens_per_second": rate,
        });
        writeln!(out, "{summary}")?;
        return Ok(());
    }
    if !text.ends_with('\n') {
        writeln!(out)?;
    }
    if stop == Stop::Context {
        anstream::eprintln!("deltaw: the model's context of {} tokens is full", base.context());
    }
    if io::stderr().is_terminal() {
        anstream::eprintln!("{} tokens read in {read:.2} s, {count} written, {rate:.1} a second", ids.len());
    }
    Ok(())
}

/// The prompt as given, or from standard input without its last line break.
fn prompt(given: &str) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut bytes = Vec::new();
    io::stdin().lock().take(PROMPT_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PROMPT_LIMIT {
        return Err(Failure::usage(format!("the prompt is longer than {PROMPT_LIMIT} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failure::usage("the prompt on standard input is not UTF-8"))?;
    Ok(text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text).to_owned()).unwrap_or(text))
}

/// The prompt's tokens: through the chat template if the base has one, unless `--raw`.
fn ids(args: &Args, base: &Base, text: String) -> Result<Vec<u32>, Failure> {
    let ids = match (&base.chat, args.raw) {
        (Some(chat), false) => {
            let mut messages: Vec<Message> = args.system.iter().map(|text| Message::new("system", text)).collect();
            messages.push(Message::new("user", text));
            chat.render(&messages, true).and_then(|text| base.tokenizer.encode_bare(&text))
        }
        (None, _) if args.system.is_some() => {
            return Err(Failure::usage(format!(
                "the base `{}` has no chat template, so --system has no place",
                base.name
            )));
        }
        _ => base.tokenizer.encode(&text),
    };
    ids.map_err(|error| Failure::usage(one_line(&error)))
}
