//! `deltaw bank`: check a bank, list its questions, measure the grader on it.

mod attempt;
mod evaluate;
mod lint;

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use clap::Subcommand;
use serde_json::json;

use crate::{
    cli::{Failure, Global, open_bank},
    quiz::bank::{self as question_bank, Kind},
};

const EXAMPLES: &str = "\
Examples:
  deltaw bank check questions.yaml     every fault, with line and column
  deltaw bank check mine.yaml --json   the same, one object a line
  deltaw bank list                     ids, kinds and texts
  deltaw bank try g07 'so that BA = 0'  how an answer is judged, stage by stage
  deltaw bank lint --bank mine.yaml    points nothing hits, beliefs the model answer shows
  deltaw bank evaluate answers.jsonl   how far the grader agrees with labelled answers";

/// Arguments of `deltaw bank`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check a bank; without FILE the one of --bank, or the built-in one
    Check {
        /// The bank
        file: Option<PathBuf>,
    },
    /// List the questions
    List,
    /// Remarks on rubrics that parse and are still at odds with themselves
    Lint,
    /// Judge answers to one question and show the trace
    Try(attempt::Args),
    /// Hold the grader against answers labelled by people
    Evaluate(evaluate::Args),
}

/// Runs `deltaw bank`.
///
/// # Errors
/// See [`Failure`]; faults of a bank end with exit code 1.
pub fn run(args: Args, global: &Global) -> Result<(), Failure> {
    match args.action {
        Action::Check { file } => check(file.or_else(|| global.bank.clone()), global.json),
        Action::List => list(global),
        Action::Lint => lint::run(global),
        Action::Try(args) => attempt::run(&args, global),
        Action::Evaluate(args) => evaluate::run(&args, global),
    }
}

fn check(file: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let (name, text) = match &file {
        Some(path) => {
            (path.display().to_string(), question_bank::read(path).map_err(|e| Failure::usage(e.to_string()))?)
        }
        None => ("questions.yaml".to_owned(), question_bank::BUILTIN.to_owned()),
    };
    match question_bank::check(&text) {
        Ok(bank) => {
            let count = |kind: &str| bank.questions.iter().filter_map(Kind::of).filter(|k| k.name() == kind).count();
            if json {
                writeln!(out, "{}", json!({"file": name, "questions": bank.questions.len(), "problems": 0}))?;
            } else {
                writeln!(
                    out,
                    "{name}: clean. {} questions: {} free text, {} numbers, {} formulas, {} multiple choice.",
                    bank.questions.len(),
                    count("free text"),
                    count("number"),
                    count("formula"),
                    count("multiple choice"),
                )?;
            }
            Ok(())
        }
        Err(problems) => {
            for problem in &problems {
                if json {
                    writeln!(out, "{}", serde_json::to_string(problem).map_err(|e| Failure::machine(e.to_string()))?)?;
                } else {
                    writeln!(out, "{name}:{}", crate::cli::verdict::clean(&problem.to_string()))?;
                }
            }
            let plural = if problems.len() == 1 { "fault" } else { "faults" };
            Err(Failure::Finding(format!("{name}: {} {plural}", problems.len())))
        }
    }
}

fn list(global: &Global) -> Result<(), Failure> {
    let bank = open_bank(global)?;
    let mut out = io::stdout().lock();
    for question in &bank.questions {
        let kind = Kind::of(question).map_or("", Kind::name);
        let text = question.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if global.json {
            let row = json!({
                "id": question.id, "section": question.section, "difficulty": question.difficulty, "kind": kind, "text": text,
            });
            writeln!(out, "{row}")?;
        } else {
            let text: String = text.chars().take(100).collect();
            let row = format!("{:<5} {:<12} {} {kind:<15} {text}", question.id, question.section, question.difficulty);
            writeln!(out, "{}", crate::cli::verdict::clean(&row))?;
        }
    }
    Ok(())
}
