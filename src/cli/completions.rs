//! `deltaw completions SHELL`: completions for bash, zsh, fish, elvish or PowerShell.

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use super::{Cli, Failure};

/// Arguments of `deltaw completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell to write for
    shell: clap_complete::Shell,
}

/// Prints the completion script.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "deltaw", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}
