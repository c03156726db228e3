//! `deltaw notebooks open`: JupyterLab on the chapters.

use std::process::Command;

use super::{place::Place, setup};
use crate::cli::Failure;

/// Arguments of `deltaw notebooks open`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Chapter to open, by the beginning of its name
    name: Option<String>,
    /// Start the server without a browser, and print its address
    #[arg(long)]
    no_browser: bool,
}

pub(super) fn run(args: &Args, place: &Place) -> Result<(), Failure> {
    let lacking = setup::lacking(place);
    if let Some(first) = lacking.first() {
        return Err(Failure::machine(format!("{} is missing; run `deltaw notebooks setup`", first.name)));
    }
    place.pin()?;
    let mut lab = Command::new(place.python());
    lab.args(["-m", "jupyterlab", "--ServerApp.root_dir"]).arg(&place.chapters).current_dir(&place.chapters);
    if args.no_browser {
        lab.arg("--no-browser");
    }
    if let Some(name) = &args.name {
        let stems = place.choose(std::slice::from_ref(name), "", "ipynb")?;
        lab.args(stems.iter().map(|stem| place.file("", stem, "ipynb")));
    }
    let status = lab.status().map_err(|error| Failure::machine(format!("{}: {error}", place.python().display())))?;
    if status.success() { Ok(()) } else { Err(Failure::machine(format!("JupyterLab ended with {status}"))) }
}
