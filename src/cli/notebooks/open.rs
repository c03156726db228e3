//! `deltaw notebooks open`: JupyterLab on the chapters.

use std::process::Command;

use super::{place::Place, setup};
use crate::cli::Failure;

const EXAMPLES: &str = "\
Examples:
  deltaw notebooks open                                JupyterLab in the browser
  deltaw notebooks open 02                             the same with a chapter open
  deltaw notebooks open --no-browser --port 9000       for a browser elsewhere; prints the address
  deltaw notebooks open -- --allow-root                JupyterLab's own options, here for root in a container";

/// Seconds that a kernel may take to start.
const STARTUP: u64 = 1800;

/// Arguments of `deltaw notebooks open`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Chapter to open, by the beginning of its name
    name: Option<String>,
    /// Start the server without a browser, and print its address
    #[arg(long)]
    no_browser: bool,
    /// Port of the server; without it JupyterLab takes 8888 or the next that is free
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Options for JupyterLab itself
    #[arg(last = true, value_name = "OPTION")]
    options: Vec<String>,
}

pub(super) fn run(args: &Args, place: &Place) -> Result<(), Failure> {
    let lacking = setup::lacking(place);
    if let Some(first) = lacking.first() {
        return Err(Failure::machine(format!("{} is missing; run `deltaw notebooks setup`", first.name)));
    }
    place.pin()?;
    let mut lab = Command::new(place.python());
    place.choose_device(&mut lab)?;
    place.hasten(&mut lab)?;
    lab.args(["-m", "jupyterlab", "--ServerApp.root_dir"]).arg(&place.chapters).current_dir(&place.chapters);
    // Not the minute that JupyterLab gives a kernel: after a change to the crate its start compiles.
    lab.arg(format!("--MappingKernelManager.kernel_info_timeout={STARTUP}"));
    if args.no_browser {
        lab.arg("--no-browser");
    }
    if let Some(port) = args.port {
        // A port that was asked for is taken or refused, never another.
        lab.args(["--ServerApp.port_retries=0", &format!("--ServerApp.port={port}")]);
    }
    lab.args(&args.options);
    if let Some(name) = &args.name {
        let stems = place.choose(std::slice::from_ref(name), "", "ipynb")?;
        lab.args(stems.iter().map(|stem| place.file("", stem, "ipynb")));
    }
    become_it(lab, place)
}

/// This process becomes JupyterLab: who ends the one ends the other.
#[cfg(unix)]
fn become_it(mut lab: Command, place: &Place) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;
    Err(Failure::machine(format!("{}: {}", place.python().display(), lab.exec())))
}

#[cfg(not(unix))]
fn become_it(mut lab: Command, place: &Place) -> Result<(), Failure> {
    let status = lab.status().map_err(|error| Failure::machine(format!("{}: {error}", place.python().display())))?;
    if status.success() { Ok(()) } else { Err(Failure::machine(format!("JupyterLab ended with {status}"))) }
}
