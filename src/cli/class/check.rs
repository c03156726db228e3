//! `deltaw class check`: compile, run, say what is wrong.

use std::io::{self, Write as _};

use serde_json::json;

use super::{Failure, Global, Here, failed, shown};
use crate::classroom::{
    attempt::{Attempt, Ended},
    workspace::Workspace,
};

const EXAMPLES: &str = "\
Examples:
  deltaw class check             the first unsolved exercise
  deltaw class check 5           exercise 05
  deltaw class check --all --json

Exit codes: 0 all that was checked is solved, 1 it is not, 2 there is no workspace or no such exercise.";

/// Arguments of `deltaw class check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The exercise, by id or number; the first unsolved one without it
    #[arg(conflicts_with = "all")]
    id: Option<String>,
    /// All exercises
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    here: Here,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let mut workspace = args.here.open()?;
    let ids: Vec<String> = match args.all {
        true => workspace.course.exercises.iter().map(|exercise| exercise.id.clone()).collect(),
        false => vec![workspace.pick(args.id.as_deref()).map_err(failed)?.id.to_owned()],
    };
    let mut unsolved = 0;
    for id in &ids {
        let attempt = checked(&mut workspace, id)?;
        unsolved += usize::from(!attempt.passed());
        let mut out = io::stdout().lock();
        match global.json {
            true => writeln!(out, "{}", line(&attempt)?)?,
            false => write!(out, "{}", shown::attempt(&attempt))?,
        }
    }
    match unsolved {
        0 => Ok(()),
        1 if ids.len() == 1 => Err(Failure::Finding(format!("{} is not solved yet", ids[0]))),
        count => Err(Failure::Finding(format!("{count} of {} are not solved yet", ids.len()))),
    }
}

/// Checks; before the first build it says that it will take long, and lets cargo show how far it is.
pub(super) fn checked(workspace: &mut Workspace, id: &str) -> Result<Attempt, Failure> {
    let first = !workspace.progress.built;
    if first {
        anstream::eprintln!("Building the library, once: this takes minutes.");
    }
    Attempt::run(workspace, id, first).map_err(failed)
}

/// An attempt with its points in one place, whether it compiled or not.
fn line(attempt: &Attempt) -> Result<String, Failure> {
    let fault = |error: serde_json::Error| Failure::machine(error.to_string());
    let mut value = serde_json::to_value(attempt).map_err(fault)?;
    let record = attempt.record();
    value["passed"] = json!(attempt.passed());
    value["earned"] = json!(record.map_or(0, |record| record.earned()));
    value["points"] = json!(record.map(|record| record.points()));
    if let Ended::Stopped { reason, .. } = &attempt.ended {
        value["reason"] = json!(reason);
    }
    serde_json::to_string(&value).map_err(fault)
}
