//! `deltaw class`: what a teacher does with a class.

mod progress;
mod report;

use clap::Subcommand;

use super::{Failure, Global};

const EXAMPLES: &str = "\
Examples:
  deltaw class report grades.db --html report.html            a page out of a gradebook
  deltaw class report --progress exports --html report.html   a page out of the files of `deltaw export progress`";

/// Arguments of `deltaw class`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the teacher's page: who is stuck where, what is hardest and why
    Report(report::Args),
}

/// Runs `deltaw class`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    match &args.action {
        Action::Report(args) => report::run(args, global),
    }
}
