//! The `main` of a test program, and the order that a runner gives it.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, BufRead as _, Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use serde::{Deserialize, Serialize};

use super::{Register, Suite, TestResult, record::Writer, suite};

/// Set by a runner to say that the first line of standard input is an [`Order`].
pub const ORDERED: &str = "DELTAW_CLASS_ORDER";

/// Longest order that is read, in bytes.
const LONGEST: u64 = 1 << 16;

/// What a runner tells a test program, as one line of JSON on its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The secret under which the record is sealed. It is read before any of the student's code runs and is never written anywhere.
    pub nonce: String,
    /// Where to write the record; made anew.
    pub record: PathBuf,
    /// Names of the tests to run; all if empty.
    #[serde(default)]
    pub only: Vec<String>,
}

impl Order {
    /// An order with a fresh nonce of 256 random bits: all tests, the record to `record`.
    #[must_use]
    pub fn new(record: PathBuf) -> Self {
        let nonce = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { nonce, record, only: Vec::new() }
    }

    /// The line to write to the program's standard input, with its newline.
    ///
    /// # Errors
    /// The record's path is not UTF-8.
    pub fn line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self).map(|line| line + "\n")
    }
}

/// The whole of a test program: runs the tests of `parts` on the student's code.
///
/// With [`ORDERED`] in the environment it reads an [`Order`], prints nothing and writes a record; without, it prints for a person. Exit codes: 0
/// all passed, 1 some did not, 2 the order cannot be followed. A runner trusts the record, never the exit code or what was printed.
#[must_use]
pub fn main(exercise: &str, parts: &[(&'static str, Register)]) -> ExitCode {
    let done = if env::var_os(ORDERED).is_some() {
        // First of all: afterwards neither the nonce nor an unopened record is there for the student's code.
        order().and_then(|(order, record)| ordered(exercise, parts, &order, record))
    } else {
        shown(exercise, parts)
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "{exercise}: the tests cannot run: {error}");
            ExitCode::from(2)
        }
    }
}

fn order() -> io::Result<(Order, File)> {
    let mut line = String::new();
    io::stdin().lock().take(LONGEST).read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let record = OpenOptions::new().write(true).create(true).truncate(true).open(&order.record)?;
    Ok((order, record))
}

fn ordered(exercise: &str, parts: &[(&'static str, Register)], order: &Order, record: File) -> io::Result<bool> {
    suite::quiet_panics();
    let mut suite = Suite::of(parts);
    suite.keep(&order.only);
    let mut writer = Writer::new(record, order.nonce.clone());
    writer.plan(exercise, suite.planned())?;
    let (mut count, mut all) = (0, true);
    suite.run(|result| {
        (count, all) = (count + 1, all && result.passed);
        writer.case(result)
    })?;
    writer.end(count)?;
    Ok(all && count > 0)
}

fn shown(exercise: &str, parts: &[(&'static str, Register)]) -> io::Result<bool> {
    suite::quiet_panics();
    let mut out = io::stdout().lock();
    writeln!(out, "{exercise}")?;
    let mut all = true;
    Suite::of(parts).run(|result| {
        all &= result.passed;
        write!(out, "{}", lines(&result))
    })?;
    Ok(all)
}

/// A result for a person: a line, and below it what is wrong.
#[must_use]
pub fn lines(result: &TestResult) -> String {
    let mark = if result.passed { '+' } else { '-' };
    let mut text = format!("  {mark} {} ({} of {})\n", result.test, result.earned, result.points);
    if let Some(diagnosis) = &result.diagnosis {
        text += &format!("      {}\n", diagnosis.text);
    }
    let told = result.diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.text.contains(&result.message));
    if !result.passed && !told && !result.message.is_empty() {
        text += &format!("      {}\n", result.message);
    }
    text
}
