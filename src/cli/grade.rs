//! `deltaw grade`: judge answers without the REPL.

use super::{Failure, Global};

/// Arguments of `deltaw grade`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// Runs `deltaw grade`.
///
/// # Errors
/// See [`Failure`].
pub fn run(_args: Args, _global: &Global) -> Result<(), Failure> {
    Err(Failure::usage("not built yet"))
}
