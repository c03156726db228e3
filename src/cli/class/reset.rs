//! `deltaw class reset`: the holes again.

use std::io::{self, Write as _};

use serde_json::json;

use super::{Failure, Global, Here, failed};

/// Arguments of `deltaw class reset`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The exercise, by id or number
    id: String,
    #[command(flatten)]
    here: Here,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let mut workspace = args.here.open()?;
    let files = workspace.pick(Some(&args.id)).map_err(failed)?;
    let backup = workspace.reset(files).map_err(failed)?;
    let mut out = io::stdout().lock();
    if global.json {
        writeln!(out, "{}", json!({"id": files.id, "backup": backup}))?;
        return Ok(());
    }
    match backup {
        Some(backup) => writeln!(out, "{} is as it was at first; yours is {}", files.id, backup.display())?,
        None => writeln!(out, "{} is as it was at first", files.id)?,
    }
    Ok(())
}
