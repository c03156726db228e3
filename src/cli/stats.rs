//! `deltaw stats`: what the record says.

use super::{Failure, Global};

/// Arguments of `deltaw stats`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// Runs `deltaw stats`.
///
/// # Errors
/// See [`Failure`].
pub fn run(_args: Args, _global: &Global) -> Result<(), Failure> {
    Err(Failure::usage("not built yet"))
}
