//! `deltaw class next`: the first unsolved exercise.

use std::io::{self, Write as _};

use serde_json::json;

use super::{Failure, Global, Here, failed, shown};

pub(super) fn run(here: &Here, global: &Global) -> Result<(), Failure> {
    let workspace = here.open()?;
    let mut out = io::stdout().lock();
    let Some(id) = workspace.next().map(str::to_owned) else {
        match global.json {
            true => writeln!(out, "{}", json!({"next": null}))?,
            false => writeln!(out, "All {} exercises are solved.", workspace.course.exercises.len())?,
        }
        return Ok(());
    };
    let files = workspace.pick(Some(&id)).map_err(failed)?;
    match global.json {
        true => writeln!(out, "{}", json!({"next": id, "file": workspace.file(&id), "text": files.text}))?,
        false => write!(out, "{}", shown::text(&workspace, files))?,
    }
    Ok(())
}
