//! `deltaw class`: exercises for students, grading for teachers.

mod check;
mod grade;
mod hint;
mod merge;
mod next;
mod progress;
mod report;
mod reset;
mod shown;
mod standing;
mod start;
mod watch;

use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Global};
use crate::classroom::workspace::{ClassError, Workspace};

const EXAMPLES: &str = "\
Examples:
  deltaw class start my-exercises     make a workspace
  cd my-exercises && deltaw class watch
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
    /// Make an exercise workspace
    Start(start::Args),
    /// What to do now: the first unsolved exercise
    Next(Here),
    /// Check on every save, until all is solved or Ctrl-C
    Watch(watch::Args),
    /// Show the next hint for an exercise
    Hint(One),
    /// Check an exercise, or all
    Check(check::Args),
    /// Begin an exercise again; your file is kept in backups/
    Reset(reset::Args),
    /// How far you are
    Progress(Here),
    /// Grade a folder of submissions, each as untrusted code
    Grade(grade::Args),
    /// Put the gradebooks of several shards together
    Merge(merge::Args),
    /// Write the teacher's page: who is stuck where, what is hardest and why
    Report(report::Args),
}

/// Where the workspace is.
#[derive(Debug, clap::Args)]
struct Here {
    /// The workspace, or a folder in it
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Here {
    fn open(&self) -> Result<Workspace, Failure> {
        Workspace::open(&self.dir).map_err(failed)
    }
}

/// One exercise of a workspace.
#[derive(Debug, clap::Args)]
struct One {
    /// The exercise, by id or number; the first unsolved one without it
    id: Option<String>,
    #[command(flatten)]
    here: Here,
}

/// Runs `deltaw class`.
///
/// # Errors
/// See [`Failure`]; an exercise that is not solved ends with exit code 1.
pub fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    match &args.action {
        Action::Start(args) => start::run(args, global),
        Action::Next(here) => next::run(here, global),
        Action::Watch(args) => watch::run(args),
        Action::Hint(one) => hint::run(one, global),
        Action::Check(args) => check::run(args, global),
        Action::Reset(args) => reset::run(args, global),
        Action::Progress(here) => standing::run(here, global),
        Action::Grade(args) => grade::run(args, global),
        Action::Merge(args) => merge::run(args, global),
        Action::Report(args) => report::run(args, global),
    }
}

/// What cannot be used is the user's to change, but for the machine's own faults.
fn failed(error: ClassError) -> Failure {
    match error {
        ClassError::NoCourse(_) => Failure::machine(error.to_string()),
        ClassError::NoWorkspace(_)
        | ClassError::Taken(_)
        | ClassError::Unknown(_)
        | ClassError::NoCrate(_)
        | ClassError::At(..) => Failure::usage(error.to_string()),
    }
}
