//! What a gradebook holds, row by row.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Somebody who is graded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Student {
    /// The name of what was handed in: the folder, or the file without its extension.
    pub id: String,
    /// As people call them; the id where no roster says more.
    pub name: String,
}

/// What a student handed in, as it was graded last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The student's id.
    pub student: String,
    /// SHA-256 of all that decides the grades: the files, the course's tests, the limits.
    pub hash: String,
    /// Seconds since 1970.
    pub graded_at: i64,
    /// How long compiling and running took.
    pub seconds: f64,
}

/// How one test went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The student's id.
    pub student: String,
    /// The exercise's id.
    pub exercise: String,
    /// Part and name: `hidden: the norms of the rows`.
    pub test: String,
    /// What it is worth.
    pub points: u32,
    /// What was earned.
    pub earned: u32,
    /// What was compared and how it differs; empty when passed.
    pub message: String,
    /// What is probably wrong, in words; empty where nothing was recognised.
    pub diagnosis: String,
    /// How long it took.
    pub seconds: f64,
}

/// How an exercise went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The student's id.
    pub student: String,
    /// The exercise's id.
    pub exercise: String,
    /// In one word.
    pub status: Status,
    /// Why, in a sentence; empty for `ok`.
    pub reason: String,
}

/// How an exercise went, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All points.
    Ok,
    /// Some points.
    Partial,
    /// The tests ran to their end and none passed, or the code crashed.
    Failed,
    /// It does not compile.
    Compile,
    /// It ran out of time.
    Timeout,
    /// It ran out of memory.
    Memory,
    /// It tried to get points without earning them, or to do harm.
    Hostile,
    /// Nothing was handed in, or what had been handed out.
    Missing,
}

impl Status {
    /// All, the best first.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Partial,
        Self::Failed,
        Self::Compile,
        Self::Timeout,
        Self::Memory,
        Self::Hostile,
        Self::Missing,
    ];

    /// As the gradebook writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Compile => "compile",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
            Self::Hostile => "hostile",
            Self::Missing => "missing",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|status| status.name() == name).ok_or_else(|| format!("there is no status `{name}`"))
    }
}

/// Two students whose code for an exercise is alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Similar {
    /// One student's id.
    pub a: String,
    /// The other's.
    pub b: String,
    /// The exercise's id.
    pub exercise: String,
    /// Share of the smaller one's own fingerprints that the other has too, 0 to 1.
    pub share: f64,
}

/// All that grading one student brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Graded {
    /// Who.
    pub student: Student,
    /// What was handed in.
    pub submission: Submission,
    /// Every test of every exercise of the course.
    pub results: Vec<Scored>,
    /// Every exercise of the course.
    pub verdicts: Vec<Verdict>,
    /// Fingerprints by exercise: see `classroom::grade::similar`.
    pub prints: Vec<(String, Vec<u64>)>,
}
