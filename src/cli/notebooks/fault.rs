//! What can be wrong with a cell.

use serde::Serialize;

/// What is wrong with a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "text")]
pub(super) enum Fault {
    /// It does not compile, or the kernel refused it.
    Error(String),
    /// It panicked.
    Panic(String),
    /// It wrote to standard error: an error that `?` returned looks like that.
    Stderr(String),
    /// It shows an error.
    Shown(String),
    /// A check failed.
    Check(String),
    /// The check of an exercise passes although nobody solved it, or there is no check.
    Unsolved(String),
    /// A figure is missing, or says not what to see.
    Figure(String),
    /// A number is out of tolerance.
    Number(String),
    /// The cell shows something, and the notebook has no outputs to compare it with.
    Unrecorded(String),
    /// The kernel died or the cell took too long.
    Dead(String),
}

impl Fault {
    pub(super) fn text(&self) -> String {
        let (word, text) = match self {
            Self::Error(text) => ("error", text),
            Self::Panic(text) => ("panic", text),
            Self::Stderr(text) => ("standard error", text),
            Self::Shown(text) => ("error shown", text),
            Self::Check(text) => ("check", text),
            Self::Unsolved(text) => ("exercise", text),
            Self::Figure(text) => ("figure", text),
            Self::Number(text) => ("number", text),
            Self::Unrecorded(text) => ("outputs", text),
            Self::Dead(text) => ("kernel", text),
        };
        format!("{word}: {text}")
    }
}
