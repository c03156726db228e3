//! `deltaw class`: exercises for students, grading for teachers.

mod grade;
mod merge;
mod progress;
mod report;

use clap::Subcommand;

use super::{Failure, Global};

const EXAMPLES: &str = "\
Examples:
  deltaw class grade submissions --out grades.csv                        one folder, zip or notebook a student
  deltaw class grade submissions --shard 0/4 --gradebook shard-0.db      a quarter of them, on one of four machines
  deltaw class merge shard-*.db --out all.db --grades grades.csv         the four together
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
    /// Grade a folder of submissions, each as untrusted code
    Grade(grade::Args),
    /// Put the gradebooks of several shards together
    Merge(merge::Args),
    /// Write the teacher's page: who is stuck where, what is hardest and why
    Report(report::Args),
}

/// Runs `deltaw class`.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    match &args.action {
        Action::Grade(args) => grade::run(args, global),
        Action::Merge(args) => merge::run(args, global),
        Action::Report(args) => report::run(args, global),
    }
}
