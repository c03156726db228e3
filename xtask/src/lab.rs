//! `cargo xtask notebook-picture`: Chromium opens a chapter in JupyterLab, runs all its cells and takes a picture.

use std::{error::Error, path::PathBuf, process::Command};

use super::python;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Chapter, by the beginning of its name
    #[arg(default_value = "00")]
    chapter: String,
    /// PNG to write
    #[arg(long, default_value = "target/notebook.png", value_name = "FILE")]
    picture: PathBuf,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Outcome<()> {
    let python = python::of("browser")?;
    let done = Command::new(python)
        .args(["xtask/notebooks/lab.py", "target/release/deltaw", &args.chapter])
        .arg(&args.picture)
        .status()?;
    if done.success() { Ok(()) } else { Err("the chapter did not run in JupyterLab".into()) }
}
