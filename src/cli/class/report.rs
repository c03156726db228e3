//! `deltaw class report`: the teacher's page, out of a gradebook or out of learners' exported progress.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use super::progress;
use crate::{
    classroom::{
        gradebook::{Gradebook, GradebookError},
        report::{self, Class},
    },
    cli::{Failure, Global, export::replace},
};

/// Arguments of `deltaw class report`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The gradebook that `deltaw class grade` wrote
    #[arg(required_unless_present = "progress", conflicts_with = "progress")]
    gradebook: Option<PathBuf>,
    /// Instead, a directory with a file of `deltaw export progress` for each learner
    #[arg(long, value_name = "DIR")]
    progress: Option<PathBuf>,
    /// The page to write, or `-` for standard output
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
}

/// Runs it.
pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let class = match (&args.gradebook, &args.progress) {
        (Some(path), _) => Gradebook::read(path).and_then(|book| report::gradebook::class(&book)).map_err(failure)?,
        (None, Some(directory)) => progress::read(directory, global)?,
        (None, None) => return Err(Failure::usage("name a gradebook, or a directory with --progress")),
    };
    let page = report::html(&class).map_err(|error| Failure::machine(error.to_string()))?;
    if args.html.as_os_str() == "-" {
        return Ok(io::stdout().lock().write_all(page.as_bytes())?);
    }
    replace(&args.html, page.as_bytes())?;
    said(&class, args, global)
}

fn said(class: &Class, args: &Args, global: &Global) -> Result<(), Failure> {
    let (file, learners, columns) = (args.html.display().to_string(), class.learners.len(), class.columns.len());
    let mut out = io::stdout().lock();
    if global.json {
        let row =
            serde_json::json!({"file": file, "learners": learners, "columns": columns, "caught": class.caught.len()});
        writeln!(out, "{row}")?;
    } else {
        writeln!(out, "{file}: {learners} learners, {columns} {}s", class.column)?;
    }
    Ok(())
}

fn failure(error: GradebookError) -> Failure {
    match error {
        GradebookError::Database(_) => Failure::machine(error.to_string()),
        _ => Failure::usage(error.to_string()),
    }
}
