//! `deltaw export progress` and `deltaw import progress`.

use super::{Failure, Global};

/// Arguments of `deltaw export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {}

/// Arguments of `deltaw import`.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {}

/// Runs `deltaw export`.
///
/// # Errors
/// See [`Failure`].
pub fn export(_args: ExportArgs, _global: &Global) -> Result<(), Failure> {
    Err(Failure::usage("not built yet"))
}

/// Runs `deltaw import`.
///
/// # Errors
/// See [`Failure`].
pub fn import(_args: ImportArgs, _global: &Global) -> Result<(), Failure> {
    Err(Failure::usage("not built yet"))
}
