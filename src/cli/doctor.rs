//! `deltaw doctor`: what this machine has, and what brings what it lacks.

use super::{Failure, Global};

/// Arguments of `deltaw doctor`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// Runs `deltaw doctor`.
///
/// # Errors
/// See [`Failure`].
pub fn run(_args: Args, _global: &Global) -> Result<(), Failure> {
    Err(Failure::usage("not built yet"))
}
