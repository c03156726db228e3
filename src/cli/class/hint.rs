//! `deltaw class hint`: one hint more.

use std::io::{self, Write as _};

use serde_json::json;

use super::{Failure, Global, One, failed};
use crate::classroom::course;

pub(super) fn run(one: &One, global: &Global) -> Result<(), Failure> {
    let mut workspace = one.here.open()?;
    let files = workspace.pick(one.id.as_deref()).map_err(failed)?;
    let hints = course::hints(files.hints);
    let work = workspace.progress.work_mut(files.id);
    work.hints = (work.hints + 1).min(hints.len());
    let number = work.hints;
    workspace.save().map_err(failed)?;
    let hint = hints.get(number.saturating_sub(1)).map_or("there is no hint", String::as_str);
    let mut out = io::stdout().lock();
    match global.json {
        true => writeln!(out, "{}", json!({"id": files.id, "hint": number, "of": hints.len(), "text": hint}))?,
        false => writeln!(out, "{}, hint {number} of {}:\n\n{hint}", files.id, hints.len())?,
    }
    Ok(())
}
