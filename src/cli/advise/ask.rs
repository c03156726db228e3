//! The dialogue: asks on a terminal for what the flags left out.

use std::io::Write as _;

use clap::ValueEnum;
use rustyline::{DefaultEditor, error::ReadlineError};

use super::{Args, Failure, MOST, MOST_EXAMPLES, MOST_GPUS, model, size};

/// A question, its default, and what takes the reply.
type Question = (&'static str, &'static str, fn(&mut Args, &str) -> Result<(), String>);

const QUESTIONS: [Question; 7] = [
    ("The base: a name, a config.json, or a size such as 8B", "llama-3-8b", base),
    ("Memory of one GPU", "24GB", |args, reply| {
        size::bytes(reply)?;
        args.gpu_memory = Some(reply.to_owned());
        Ok(())
    }),
    ("GPUs", "1", |args, reply| count(reply, MOST_GPUS).map(|value| args.gpus = Some(value))),
    ("To learn (classification, style, instructions, code, knowledge, rl)", "instructions", |args, reply| {
        word(reply).map(|goal| args.goal = Some(goal))
    }),
    ("Training examples", "10000", |args, reply| count(reply, MOST_EXAMPLES).map(|value| args.examples = Some(value))),
    ("Tasks, each with its own adapter", "1", |args, reply| count(reply, MOST).map(|value| args.tasks = Some(value))),
    ("Serving (auto, merged, many)", "auto", |args, reply| word(reply).map(|serving| args.serving = Some(serving))),
];

fn count(reply: &str, most: u64) -> Result<u64, String> {
    let value: Option<u64> = reply.replace([',', '_'], "").parse().ok();
    value
        .filter(|value| (1..=most).contains(value))
        .ok_or_else(|| format!("`{reply}` is no whole number from 1 to {most}"))
}

/// One of the words that an option takes.
fn word<T: ValueEnum>(reply: &str) -> Result<T, String> {
    T::from_str(reply, true).map_err(|_| {
        let all = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = all.map(|value| value.get_name().to_owned()).collect();
        format!("`{reply}` is none of {}", names.join(", "))
    })
}

fn base(args: &mut Args, reply: &str) -> Result<(), String> {
    if size::parameters(reply).is_ok() {
        args.params = Some(reply.to_owned());
        return Ok(());
    }
    model::named(reply).map_err(|error| error.to_string())?;
    args.model = Some(reply.to_owned());
    Ok(())
}

/// Whether the flags already answer question `index`.
fn is_answered(args: &Args, index: usize) -> bool {
    match index {
        0 => args.model.is_some() || args.params.is_some(),
        1 => args.gpu_memory.is_some(),
        2 => args.gpus.is_some(),
        3 => args.goal.is_some(),
        4 => args.examples.is_some(),
        5 => args.tasks.is_some(),
        _ => args.serving.is_some(),
    }
}

/// The arguments with every gap filled, or nothing if the user left.
pub(super) fn missing(given: &Args) -> Result<Option<Args>, Failure> {
    let mut args = given.clone();
    let mut editor = DefaultEditor::new().map_err(|error| Failure::machine(error.to_string()))?;
    let mut out = anstream::stdout();
    writeln!(out, "Enter takes what is in brackets; Ctrl-D leaves.")?;
    for (index, (question, default, take)) in QUESTIONS.iter().enumerate() {
        while !is_answered(&args, index) {
            let line = match editor.readline(&format!("{question} [{default}]: ")) {
                Ok(line) => line,
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(None),
                Err(error) => return Err(Failure::machine(error.to_string())),
            };
            let reply = if line.trim().is_empty() { default } else { line.trim() };
            if let Err(message) = take(&mut args, reply) {
                writeln!(out, "{}", super::super::verdict::clean(&message))?;
            }
        }
    }
    writeln!(out)?;
    Ok(Some(args))
}
