//! `deltaw class grade`: hidden tests on a folder of submissions.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{super::export::replace, Failure, Global};
use crate::classroom::{
    grade::{self, GradeError, Options, Summary, Workshop, export},
    gradebook::{Gradebook, GradebookError, Status},
    report,
    sandbox::{Kind, Sandbox, Wanted},
};

const EXAMPLES: &str = "\
Of each student: a folder, a zip, or files that begin with their name and `_`, also as Canvas packs them. In it count NN_name.rs files, and
the exercises in chapters (NN_name.ipynb), which are graded without Jupyter. Nothing else does: not their Cargo.toml, build.rs or tests.
For Moodle, name folders or zips after usernames. Canvas's own names are turned into its ids again.

Examples:
  deltaw class grade submissions --out grades.csv
  deltaw class grade submissions --out grades.csv --canvas canvas.csv --moodle moodle.csv --html report.html
  deltaw class grade submissions --out grades.csv --sandbox require --jobs 8
  deltaw class grade submissions --shard 3/10 --gradebook shard-3.db

Run it again after new submissions came, or after it was stopped: only what is new or changed is graded.";

/// Arguments of `deltaw class grade`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Folder with one folder, zip or notebook for each student
    submissions: PathBuf,
    /// Table of grades to write: student, points, and points and status of each exercise
    #[arg(long, value_name = "FILE", required_unless_present = "gradebook")]
    out: Option<PathBuf>,
    /// The course, with its tests
    #[arg(long, value_name = "DIR", default_value = "drills", env = "DELTAW_COURSE")]
    course: PathBuf,
    /// The chapters, whose exercises are graded too; without it, `notebooks` beside the course
    #[arg(long, value_name = "DIR")]
    notebooks: Option<PathBuf>,
    /// Gradebook (SQLite); without it, the name of --out with `.db`. It mirrors the folder: students who left it are removed
    #[arg(long, value_name = "FILE")]
    gradebook: Option<PathBuf>,
    /// Folder for a feedback file for each student; without it, the name of the gradebook with `.feedback`
    #[arg(long, value_name = "DIR")]
    feedback: Option<PathBuf>,
    /// Table for Canvas's importer
    #[arg(long, value_name = "FILE")]
    canvas: Option<PathBuf>,
    /// Table for Moodle's importer
    #[arg(long, value_name = "FILE")]
    moodle: Option<PathBuf>,
    /// The teacher's page: who is stuck where, what is hardest and why
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Students at a time; without it, one for each processor
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Processor time for the tests of one exercise
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    limit_seconds: u64,
    /// Memory for the tests of one exercise
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(256..=1_048_576))]
    limit_memory: u64,
    /// How submissions are kept in
    #[arg(long, value_enum, default_value = "auto")]
    sandbox: Choice,
    /// Run code that names files, processes or the network too, and let the sandbox refuse them
    #[arg(long)]
    lenient: bool,
    /// Only shard I of N, counted from 0
    #[arg(long, value_name = "I/N", default_value = "0/1", value_parser = shard)]
    shard: (usize, usize),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Choice {
    /// Own namespaces, or no grading
    Require,
    /// The best that this machine has
    Auto,
    /// Limits on time and memory alone
    None,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(index, shards)| Some((index.parse().ok()?, shards.parse().ok()?)));
    match parsed {
        Some((index, shards)) if index < shards => Ok((index, shards)),
        _ => Err("write I/N with I from 0 to N - 1, as in 0/4".into()),
    }
}

pub(super) fn failed(error: GradeError) -> Failure {
    match error {
        GradeError::NoCourse(_) | GradeError::Course(..) | GradeError::File(..) => Failure::usage(error.to_string()),
        GradeError::Gradebook(error) => unusable(error),
        GradeError::Tool(_) => Failure::machine(error.to_string()),
    }
}

pub(super) fn unusable(error: GradebookError) -> Failure {
    match error {
        GradebookError::Database(_) => Failure::machine(error.to_string()),
        other => Failure::usage(other.to_string()),
    }
}

pub(super) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    if !args.submissions.is_dir() {
        return Err(Failure::usage(format!("{}: no such folder of submissions", args.submissions.display())));
    }
    let path = match (&args.gradebook, &args.out) {
        (Some(path), _) => path.clone(),
        (None, Some(out)) => out.with_extension("db"),
        (None, None) => {
            return Err(Failure::usage("name a table with --out FILE or a gradebook with --gradebook FILE"));
        }
    };
    let wanted = match args.sandbox {
        Choice::Require => Wanted::Require,
        Choice::Auto => Wanted::Auto,
        Choice::None => Wanted::None,
    };
    let sandbox = Sandbox::find(wanted).map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(lacks) = sandbox.lacks() {
        anstream::eprintln!("deltaw: the sandbox is not complete: {lacks}");
    }
    let kind = sandbox.kind();
    let mut book = Gradebook::open(&path).map_err(unusable)?;
    let bar = bar();
    bar.set_message("preparing the course");
    let work = path.with_extension("work");
    let (notebooks, memory) = (args.notebooks.as_deref(), args.limit_memory << 20);
    let feedback = args.feedback.clone().unwrap_or_else(|| path.with_extension("feedback"));
    fs::create_dir_all(&feedback).map_err(|error| Failure::usage(format!("{}: {error}", feedback.display())))?;
    let mut workshop =
        Workshop::new(&args.course, notebooks, sandbox, args.limit_seconds, memory, &work).map_err(failed)?;
    [&path, &args.submissions, &feedback].into_iter().for_each(|path| workshop.hide(path));
    let options = Options {
        submissions: args.submissions.clone(),
        feedback: Some(feedback),
        jobs: args.jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get),
        shard: args.shard,
        strict: !args.lenient,
    };
    let start = Instant::now();
    let summary = grade::grade(&workshop, &options, &mut book, |done, all, student| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        bar.set_message(student.to_owned());
    });
    bar.finish_and_clear();
    workshop.close();
    let summary = summary.map_err(failed)?;
    for (id, why) in &summary.left_out {
        anstream::eprintln!("deltaw: {id} is left out: it {why}");
    }
    let tables = [
        (&args.out, export::Format::Plain),
        (&args.canvas, export::Format::Canvas),
        (&args.moodle, export::Format::Moodle),
    ];
    tables.iter().try_for_each(|(file, format)| table(&book, file.as_deref(), *format))?;
    if let Some(file) = &args.html {
        let class = report::gradebook::class(&book).map_err(unusable)?;
        let page = report::html(&class).map_err(|error| Failure::machine(error.to_string()))?;
        replace(file, page.as_bytes())?;
    }
    told(&book, &path, &summary, kind, start.elapsed().as_secs_f64(), global)
}

pub(super) fn table(book: &Gradebook, file: Option<&Path>, format: export::Format) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    let text = export::csv(book, format).map_err(unusable)?;
    replace(file, text.as_bytes())
}

fn bar() -> ProgressBar {
    let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg} ({eta} left)") {
        bar.set_style(style);
    }
    bar
}

fn told(
    book: &Gradebook,
    path: &Path,
    summary: &Summary,
    kind: Kind,
    seconds: f64,
    global: &Global,
) -> Result<(), Failure> {
    let verdicts = book.verdicts().map_err(unusable)?;
    let similar = book.similar().map_err(unusable)?;
    let count = |status: Status| verdicts.iter().filter(|verdict| verdict.status == status).count();
    let counts: Vec<(Status, usize)> = Status::ALL.into_iter().map(|status| (status, count(status))).collect();
    let mut out = io::stdout().lock();
    if global.json {
        let statuses: serde_json::Map<_, _> =
            counts.iter().map(|(status, count)| (status.to_string(), json!(count))).collect();
        let object = json!({
            "gradebook": path, "students": summary.students, "graded": summary.graded, "seconds": seconds,
            "sandbox": format!("{kind:?}").to_lowercase(), "verdicts": statuses, "similar": similar.len(),
        });
        return Ok(writeln!(out, "{object}")?);
    }
    writeln!(
        out,
        "{} students, {} graded now in {seconds:.1} s; gradebook {}",
        summary.students,
        summary.graded,
        path.display()
    )?;
    let words: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(status, count)| format!("{count} {status}")).collect();
    writeln!(out, "exercises: {}", words.join(", "))?;
    for verdict in verdicts.iter().filter(|verdict| verdict.status == Status::Hostile) {
        writeln!(out, "hostile: {} {}: {}", verdict.student, verdict.exercise, verdict.reason)?;
    }
    for pair in &similar {
        writeln!(
            out,
            "alike: {} and {} in {}: {:.0} % of what is their own",
            pair.a,
            pair.b,
            pair.exercise,
            100.0 * pair.share
        )?;
    }
    Ok(())
}
