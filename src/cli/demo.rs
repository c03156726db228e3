//! `deltaw demo NAME`: run a live demo.

use super::{Failure, Global};

/// Arguments of `deltaw demo`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// Runs `deltaw demo`.
///
/// # Errors
/// See [`Failure`].
pub fn run(_args: Args, _global: &Global) -> Result<(), Failure> {
    Err(Failure::usage("not built yet"))
}
