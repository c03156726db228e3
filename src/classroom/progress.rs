//! How far a student is: one small file in the workspace.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    Record,
    workspace::{ClassError, at},
};

/// Largest progress file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What a student did on one exercise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Whether all public tests passed at the last check.
    pub solved: bool,
    /// Points of the public tests earned at the last check.
    pub earned: u32,
    /// Points of the public tests; 0 before the first check that compiled.
    pub points: u32,
    /// Checks so far.
    pub checks: u32,
    /// Hints taken.
    pub hints: usize,
}

/// A student's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    version: u32,
    /// Whether the library was built here once.
    pub built: bool,
    exercises: BTreeMap<String, Work>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { version: 1, built: false, exercises: BTreeMap::new() }
    }
}

impl Progress {
    /// Reads it.
    ///
    /// # Errors
    /// The file is missing, too large, or not of this format.
    pub fn read(file: &Path) -> Result<Self, ClassError> {
        let size = fs::metadata(file).map_err(|error| at(file, &error))?.len();
        if size > LARGEST {
            return Err(at(file, &"it is too large for a progress file"));
        }
        let text = fs::read_to_string(file).map_err(|error| at(file, &error))?;
        let progress: Self = serde_json::from_str(&text).map_err(|error| at(file, &error))?;
        match progress.version {
            1 => Ok(progress),
            other => Err(at(file, &format!("it is of version {other}, this program reads 1"))),
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), ClassError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| at(file, &error))?;
        crate::model::write_whole(file, (text + "\n").as_bytes()).map_err(|error| at(file, &error))
    }

    /// What was done on an exercise.
    #[must_use]
    pub fn work(&self, id: &str) -> Work {
        self.exercises.get(id).cloned().unwrap_or_default()
    }

    /// The same to change.
    pub fn work_mut(&mut self, id: &str) -> &mut Work {
        self.exercises.entry(id.to_owned()).or_default()
    }

    /// Notes a check; `record` is `None` when there was none to read.
    pub fn checked(&mut self, id: &str, record: Option<&Record>) {
        let work = self.work_mut(id);
        work.checks = work.checks.saturating_add(1);
        work.solved = record.is_some_and(Record::passed);
        work.earned = record.map_or(0, Record::earned);
        if let Some(record) = record {
            work.points = record.points();
        }
    }
}
