//! Finding every fault of a bank: syntax, format, and what only the meaning shows.

use serde::Serialize;

use super::{Bank, decode, load, meaning, tree};

/// Most faults that are reported in one go.
pub(super) const PROBLEM_LIMIT: usize = 200;

/// One fault of a bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// Where in the bank, as `g07.rubric.points`.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    pub(super) fn at((line, column): (usize, usize), place: &str, message: String) -> Self {
        Self { line, column, place: place.to_owned(), message }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.message)
    }
}

/// Checks the text of a bank.
///
/// # Errors
/// Every fault found, in order of lines: those of the syntax; without any, those of the format; without any, those of the
/// meaning.
pub fn check(text: &str) -> Result<Bank, Vec<Problem>> {
    if text.len() as u64 > super::SIZE_LIMIT {
        let message = format!("more than {} bytes; split the bank", super::SIZE_LIMIT);
        return Err(vec![Problem::at((1, 1), "", message)]);
    }
    let sorted = |mut problems: Vec<Problem>| {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.truncate(PROBLEM_LIMIT);
        problems
    };
    let tree = tree::parse(text).map_err(sorted)?;
    decode::decode(tree).map_err(sorted)?;
    // The drill itself reads banks with another decoder; what that refuses is no bank either.
    let bank = load(text).map_err(|error| vec![Problem::at((1, 1), "", error)])?;
    let tree = tree::parse(text).map_err(sorted)?;
    let faults = meaning::faults(&bank);
    if faults.is_empty() {
        return Ok(bank);
    }
    let locate =
        |(path, message): (Vec<tree::Step>, String)| Problem::at(tree.place(&path), &tree.label(&path), message);
    Err(sorted(faults.into_iter().map(locate).collect()))
}
