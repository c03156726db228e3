//! One check of one exercise: compile it with its tests, run it, read its record.

use std::{
    env,
    io::{self, Read, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    Order, Record,
    harness::ORDERED,
    record,
    workspace::{ClassError, Workspace, at},
};

/// How long the tests of an exercise may run.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Bytes of what a program printed that are kept.
const PRINTED: u64 = 16 << 10;

/// Compiler errors that are shown: later ones often follow from the first.
const ERRORS: usize = 3;

/// How often a running program is looked at.
const TICK: Duration = Duration::from_millis(5);

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
pub enum Ended {
    /// It does not compile; the first errors as the compiler shows them.
    NotCompiled {
        /// With the lines of the exercise.
        errors: Vec<String>,
    },
    /// The tests ran.
    Ran {
        /// What they say.
        record: Record,
        /// What the student's code printed.
        printed: String,
    },
    /// The tests did not come to their end.
    Stopped {
        /// Why.
        reason: String,
        /// What the student's code printed.
        printed: String,
    },
}

/// A check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// The exercise.
    pub id: String,
    /// How it ended.
    #[serde(flatten)]
    pub ended: Ended,
    /// From the call to the result, in seconds.
    pub seconds: f64,
}

impl Attempt {
    /// Checks exercise `id` of `workspace` and notes the result there. `loud` lets cargo's own progress through.
    ///
    /// # Errors
    /// Cargo does not run, or the library itself does not build.
    pub fn run(workspace: &mut Workspace, id: &str, loud: bool) -> Result<Self, ClassError> {
        let start = Instant::now();
        let ended = match build(workspace, id, loud)? {
            Built::Program(program) => {
                workspace.progress.built = true;
                tried(&program)?
            }
            Built::Errors(errors) => Ended::NotCompiled { errors },
        };
        let attempt = Self { id: id.to_owned(), ended, seconds: start.elapsed().as_secs_f64() };
        workspace.progress.checked(id, attempt.record());
        workspace.save()?;
        Ok(attempt)
    }

    /// The record, if there is one.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        match &self.ended {
            Ended::Ran { record, .. } => Some(record),
            Ended::NotCompiled { .. } | Ended::Stopped { .. } => None,
        }
    }

    /// Whether the exercise is solved.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.record().is_some_and(Record::passed)
    }
}

enum Built {
    Program(PathBuf),
    Errors(Vec<String>),
}

/// A line of `cargo build --message-format=json`.
#[derive(Deserialize)]
struct Line {
    reason: String,
    executable: Option<PathBuf>,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
}

fn build(workspace: &Workspace, id: &str, loud: bool) -> Result<Built, ClassError> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--message-format=json", "--test", &format!("e{id}")]);
    cargo.current_dir(&workspace.root).stdin(Stdio::null());
    if loud {
        cargo.stderr(Stdio::inherit());
    } else {
        cargo.arg("--quiet");
    }
    let output = cargo.output().map_err(|error| at("cargo".as_ref(), &format!("{error}: is Rust on the PATH?")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if output.status.success() {
        let program =
            lines.into_iter().filter(|line| line.reason == "compiler-artifact").find_map(|line| line.executable);
        return program.map(Built::Program).ok_or_else(|| at(&workspace.root, &"cargo built no program"));
    }
    let messages = lines.into_iter().filter_map(|line| line.message).filter(|message| message.level == "error");
    let (own, others): (Vec<Message>, Vec<Message>) = messages
        .filter(|message| !message.spans.is_empty())
        .partition(|message| message.spans.iter().any(|span| span.file_name.ends_with(&format!("exercises/{id}.rs"))));
    let chosen = if own.is_empty() { others } else { own };
    let errors: Vec<String> =
        chosen.into_iter().filter_map(|message| Some(trimmed(&message.rendered?))).take(ERRORS).collect();
    if errors.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(at(
            &workspace.root,
            &format!("the library does not build: {}", said.lines().next().unwrap_or("see above")),
        ));
    }
    Ok(Built::Errors(errors))
}

/// Without the lines that say how to read more about it.
fn trimmed(rendered: &str) -> String {
    let asides = ["For more information about", "   = note: `#["];
    let rendered = rendered.replace("targets/../", "");
    let kept: Vec<&str> = rendered.lines().filter(|line| !asides.iter().any(|aside| line.starts_with(aside))).collect();
    kept.join("\n").trim_end().to_owned()
}

fn tried(program: &std::path::Path) -> Result<Ended, ClassError> {
    let fault = |error: &dyn std::fmt::Display| at(program, error);
    let folder = tempfile::tempdir().map_err(|error| fault(&error))?;
    let order = Order::new(folder.path().join("record"));
    let line = order.line().map_err(|error| fault(&error))?;
    let mut child = Command::new(program)
        .env(ORDERED, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| fault(&error))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that ended before reading shows itself below.
        let _ = input.write_all(line.as_bytes());
    }
    let readers = [child.stdout.take().map(drain), child.stderr.take().map(drain)];
    let over = waited(&mut child).map_err(|error| fault(&error))?;
    let printed: String = readers.into_iter().flatten().filter_map(|reader| reader.join().ok()).collect();
    let bytes = std::fs::read(&order.record).unwrap_or_default();
    Ok(match record::read(&bytes, &order.nonce) {
        Ok(record) if record.complete => Ended::Ran { record, printed },
        Ok(record) => {
            let test =
                record.planned.get(record.results.len()).map_or("the last test", |planned| planned.test.as_str());
            let how = match over {
                None => {
                    format!("it ran for {} seconds and was ended: is there a loop without an end?", LIMIT.as_secs())
                }
                Some(how) => format!("the program ended by itself ({how})"),
            };
            Ended::Stopped { reason: format!("in `{test}`: {how}"), printed }
        }
        Err(broken) => Ended::Stopped { reason: broken.to_string(), printed },
    })
}

/// Waits; `None` when the limit was reached and the program ended.
fn waited(child: &mut Child) -> io::Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(TICK);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Reads all, keeps the first bytes.
fn drain(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = from.by_ref().take(PRINTED).read_to_end(&mut kept);
        let _ = io::copy(&mut from, &mut io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}
