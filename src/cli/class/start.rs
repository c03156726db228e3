//! `deltaw class start`: a workspace.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use serde_json::json;

use super::{Failure, Global, failed};
use crate::classroom::workspace::{Source, Workspace};

const EXAMPLES: &str = "\
Examples:
  deltaw class start my-exercises
  deltaw class start my-exercises --path ~/src/deltaw     build against this checkout

The workspace is a cargo package that depends on this crate: on the checkout that deltaw runs from, else on its repository. Its Cargo.lock pins
every dependency to what this build was tested with. Solutions and hidden tests are not in it.";

/// Arguments of `deltaw class start`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder to make
    dir: PathBuf,
    /// Depend on the checkout of deltaw here
    #[arg(long, value_name = "CHECKOUT")]
    path: Option<PathBuf>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let source = args.path.as_deref().map_or_else(|| Ok(Source::nearest()), Source::path).map_err(failed)?;
    let workspace = Workspace::start(&args.dir, &source).map_err(failed)?;
    let (count, root) = (workspace.course.exercises.len(), workspace.root.display());
    let minutes: u32 = workspace.course.exercises.iter().map(|exercise| exercise.minutes).sum();
    let mut out = io::stdout().lock();
    if global.json {
        writeln!(out, "{}", json!({"workspace": workspace.root, "exercises": count, "minutes": minutes}))?;
    } else {
        writeln!(out, "{root}: {count} exercises, about {} hours.", minutes.div_ceil(60))?;
        writeln!(
            out,
            "Go there and type `deltaw class watch`. The first check builds the library, which takes minutes."
        )?;
    }
    Ok(())
}
