//! `deltaw bank check`: validate a question bank.

use super::{Failure, Global};

/// Arguments of `deltaw bank`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// Runs `deltaw bank`.
///
/// # Errors
/// See [`Failure`].
pub fn run(_args: Args, _global: &Global) -> Result<(), Failure> {
    Err(Failure::usage("not built yet"))
}
