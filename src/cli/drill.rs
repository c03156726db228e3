//! The interview itself: the REPL on a terminal, line by line in a pipe.

use super::{Failure, Global};

/// Arguments of `deltaw drill`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// Runs `deltaw drill`.
///
/// # Errors
/// See [`Failure`].
pub fn run(_args: Args, _global: &Global) -> Result<(), Failure> {
    Err(Failure::usage("not built yet"))
}
