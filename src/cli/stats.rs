//! `deltaw stats`: what the record says.

use std::io::{self, Write as _};

use serde_json::json;

use super::{
    Failure, Global,
    drill::{failure, now, open_store, scorecard_text},
    open_bank,
    verdict::clean,
};
use crate::quiz::scorecard::Scorecard;

/// Longest part of an answer that a list shows, in characters.
const SHOWN: usize = 120;

/// Arguments of `deltaw stats`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// Runs `deltaw stats`.
///
/// # Errors
/// See [`Failure`].
pub fn run(_args: Args, global: &Global) -> Result<(), Failure> {
    let bank = open_bank(global)?;
    let store = open_store(global)?;
    let progress = store.export().map_err(failure)?;
    let card = Scorecard::new(&bank, &progress.answers);
    let now = now();
    let due = progress.cards.iter().filter(|(_, card)| card.due <= now).count();
    let new = bank.questions.iter().filter(|q| !progress.cards.iter().any(|(id, _)| *id == q.id)).count();
    let disputed: Vec<_> = progress.answers.iter().filter(|answer| answer.disputed).collect();
    let mut out = io::stdout().lock();
    if global.json {
        let object = json!({"scorecard": card, "due": due, "new": new, "disputed": disputed, "record": store.path()});
        writeln!(out, "{object}")?;
        return Ok(());
    }
    if progress.answers.is_empty() {
        writeln!(out, "Nothing is answered yet. Begin with: deltaw")?;
        return Ok(());
    }
    write!(out, "{}", scorecard_text(&card))?;
    writeln!(out, "\n{due} due now, {new} never asked.")?;
    if !disputed.is_empty() {
        writeln!(out, "\nDisputed judgements:")?;
    }
    for answer in disputed {
        let text: String = answer.answer.chars().take(SHOWN).collect();
        writeln!(out, "  {} (judged {}): {}", answer.question, answer.label.number(), clean(&text).replace('\n', " "))?;
    }
    writeln!(out, "Record: {}", store.path().display())?;
    Ok(())
}
