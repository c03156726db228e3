//! The record of a run: JSON lines, each sealed.
//!
//! ```text
//! {"kind":"plan","exercise":"05_dora_norm","cases":[{"part":"public","test":"…","points":2}, …],"seal":"…"}
//! {"kind":"case","part":"public","test":"…","points":2,"earned":2,"passed":true,"message":"","diagnosis":null,"seconds":0.002,"seal":"…"}
//! {"kind":"end","cases":5,"seal":"…"}
//! ```
//!
//! A line's seal is [`seal`](super::seal) of its number (from 0) and of its text without the seal, under the nonce of the
//! [`Order`](super::harness::Order). Lines are written one by one, so that what was reached before a time limit can be read; only a record with
//! its end is [`complete`](Record::complete).

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{Diagnosis, seal::seal};

/// Longest record that is read, in bytes.
pub const LONGEST: usize = 4 << 20;

/// A test as announced before any of it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// `public` or `hidden`.
    pub part: String,
    /// Its name.
    pub test: String,
    /// What it is worth.
    pub points: u32,
}

/// How a test went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// `public` or `hidden`.
    pub part: String,
    /// Its name.
    pub test: String,
    /// What it is worth.
    pub points: u32,
    /// What was earned: all or nothing.
    pub earned: u32,
    /// Whether all its comparisons held.
    pub passed: bool,
    /// What was compared and how it differs; empty when passed.
    pub message: String,
    /// What is probably wrong, where it was recognised.
    pub diagnosis: Option<Diagnosis>,
    /// How long it took.
    pub seconds: f64,
}

/// One line of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Plan { exercise: String, cases: Vec<Planned> },
    Case(TestResult),
    End { cases: usize },
}

/// What a run wrote, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// The exercise's id.
    pub exercise: String,
    /// All tests that were to run.
    pub planned: Vec<Planned>,
    /// Those that ended, in order.
    pub results: Vec<TestResult>,
    /// Whether the run came to its end: without it, give no points.
    pub complete: bool,
}

impl Record {
    /// Points of all planned tests.
    #[must_use]
    pub fn points(&self) -> u32 {
        self.planned.iter().map(|case| case.points).sum()
    }

    /// Points earned; none unless complete.
    #[must_use]
    pub fn earned(&self) -> u32 {
        if self.complete { self.results.iter().map(|result| result.earned).sum() } else { 0 }
    }

    /// Whether every planned test passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.complete && !self.results.is_empty() && self.results.iter().all(|result| result.passed)
    }
}

/// Why a record counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Nothing was written.
    #[error("the tests wrote no record: the program ended before they began")]
    Empty,
    /// More was written than any course's tests write.
    #[error("the record is longer than {LONGEST} bytes")]
    TooLong,
    /// A line was not written by the harness, or was changed since.
    #[error("line {0} of the record does not bear its seal: it was not written by the tests")]
    Forged(usize),
    /// The lines do not follow one another as the harness writes them.
    #[error("line {0} of the record is out of order")]
    Order(usize),
}

/// Writes sealed lines.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    key: String,
    lines: usize,
}

impl<W: Write> Writer<W> {
    /// Onto `out`, sealed with `key`.
    pub fn new(out: W, key: String) -> Self {
        Self { out, key, lines: 0 }
    }

    /// Announces the tests.
    ///
    /// # Errors
    /// Writing failed.
    pub fn plan(&mut self, exercise: &str, cases: Vec<Planned>) -> io::Result<()> {
        self.line(&Line::Plan { exercise: exercise.to_owned(), cases })
    }

    /// One test's result.
    ///
    /// # Errors
    /// Writing failed.
    pub fn case(&mut self, result: TestResult) -> io::Result<()> {
        self.line(&Line::Case(result))
    }

    /// The end, after `cases` results.
    ///
    /// # Errors
    /// Writing failed.
    pub fn end(&mut self, cases: usize) -> io::Result<()> {
        self.line(&Line::End { cases })
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        let body = serde_json::to_string(line)?;
        let sealed = format!("{},\"seal\":\"{}\"}}\n", &body[..body.len() - 1], seal(&self.key, self.lines, &body));
        self.lines += 1;
        self.out.write_all(sealed.as_bytes())?;
        self.out.flush()
    }
}

/// Reads and checks what a run wrote under `key`.
///
/// # Errors
/// See [`Broken`]. A last line without its newline (the run was killed while writing) is passed over.
pub fn read(bytes: &[u8], key: &str) -> Result<Record, Broken> {
    if bytes.len() > LONGEST {
        return Err(Broken::TooLong);
    }
    let text = String::from_utf8_lossy(bytes);
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut record: Option<Record> = None;
    for (index, line) in whole.lines().enumerate() {
        let line = open(line, key, index).ok_or(Broken::Forged(index + 1))?;
        match (line, &mut record) {
            (Line::Plan { exercise, cases }, empty @ None) => {
                *empty = Some(Record { exercise, planned: cases, results: Vec::new(), complete: false });
            }
            (Line::Case(result), Some(so_far)) if !so_far.complete => so_far.results.push(result),
            (Line::End { cases }, Some(so_far)) if !so_far.complete && so_far.results.len() == cases => {
                so_far.complete = true;
            }
            _ => return Err(Broken::Order(index + 1)),
        }
    }
    record.ok_or(Broken::Empty)
}

/// A line's content, if its seal is right.
fn open(line: &str, key: &str, index: usize) -> Option<Line> {
    let (start, rest) = line.rsplit_once(",\"seal\":\"")?;
    let body = format!("{start}}}");
    let given = rest.strip_suffix("\"}")?;
    (given == seal(key, index, &body)).then(|| serde_json::from_str(&body).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample(key: &str) -> String {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, key.into());
        writer.plan("01_x", vec![Planned { part: "public".into(), test: "a".into(), points: 2 }]).unwrap();
        let result = TestResult {
            part: "public".into(),
            test: "a".into(),
            points: 2,
            earned: 2,
            passed: true,
            message: String::new(),
            diagnosis: None,
            seconds: 0.5,
        };
        writer.case(result).unwrap();
        writer.end(1).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_is_read_as_written() {
        let record = read(sample("key").as_bytes(), "key").unwrap();
        assert!(record.complete && record.passed());
        assert_eq!((record.points(), record.earned(), record.exercise.as_str()), (2, 2, "01_x"));
    }

    #[test]
    fn without_its_end_it_earns_nothing() {
        let text = sample("key");
        let cut = &text[..text.len() - 5];
        let record = read(cut.as_bytes(), "key").unwrap();
        assert!(!record.complete && !record.passed());
        assert_eq!((record.results.len(), record.earned()), (1, 0));
        assert_eq!(read(b"test result: ok\n", "key"), Err(Broken::Forged(1)));
        assert_eq!(read(b"", "key"), Err(Broken::Empty));
    }

    #[test]
    fn changed_repeated_and_foreign_lines_are_refused() {
        let text = sample("key");
        assert_eq!(read(text.replace("\"points\":2", "\"points\":9").as_bytes(), "key"), Err(Broken::Forged(1)));
        assert_eq!(read(sample("guessed").as_bytes(), "key"), Err(Broken::Forged(1)));
        let lines: Vec<&str> = text.lines().collect();
        let twice = [lines[0], lines[1], lines[1], lines[2]].join("\n") + "\n";
        assert_eq!(read(twice.as_bytes(), "key"), Err(Broken::Forged(3)));
    }
}
