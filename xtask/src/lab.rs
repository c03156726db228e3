//! `cargo xtask notebook-picture`: Chromium opens a chapter in JupyterLab, runs all its cells and takes a picture.

use std::{error::Error, fs, path::PathBuf, process::Command};

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
    let python = environment()?;
    let done = Command::new(python)
        .args(["xtask/notebooks/lab.py", "target/release/deltaw", &args.chapter])
        .arg(&args.picture)
        .status()?;
    if done.success() { Ok(()) } else { Err("the chapter did not run in JupyterLab".into()) }
}

/// A Python with Playwright; made once. The browser is the system's.
fn environment() -> Outcome<PathBuf> {
    let dir = PathBuf::from("target/python-browser");
    let python = dir.join("bin/python");
    if !dir.join("ready").exists() {
        eprintln!("installing Playwright into {}", dir.display());
        let made = Command::new("python3").args(["-m", "venv"]).arg(&dir).status()?;
        let installed = Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "-r", "xtask/notebooks/requirements.txt"])
            .status()?;
        if !(made.success() && installed.success()) {
            return Err("Playwright could not be installed".into());
        }
        fs::write(dir.join("ready"), "")?;
    }
    Ok(python)
}
