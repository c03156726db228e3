//! What a run was asked to do, in full: base, data, method, settings. A checkpoint carries it, so that a run can be resumed without
//! repeating it.

use std::path::{Path, PathBuf};

use candle_core::{Error, Result, bail};
use serde::{Deserialize, Serialize};

use super::{
    Data, Example, Recipe, Settings, Task,
    data::{self, Limits, Line},
};
use crate::model::Base;

/// Where examples come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A task that ships.
    Task(String),
    /// Files of JSON lines.
    Files {
        /// What is trained on.
        train: PathBuf,
        /// What is judged by.
        held_out: Option<PathBuf>,
    },
}

/// A run in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Spec of the base.
    pub base: String,
    /// Data.
    pub source: Source,
    /// Longest example.
    pub max_tokens: Option<usize>,
    /// Leave longer ones out.
    pub skip_long: bool,
    /// Method.
    pub recipe: Recipe,
    /// Steps, batches, rates.
    pub settings: Settings,
    /// Fingerprint of the encoded data, set when it is read.
    #[serde(default)]
    pub fingerprint: String,
}

/// Data as read, and how many examples were left out for their length.
pub struct Read {
    /// Encoded.
    pub data: Data,
    /// Left out.
    pub skipped: usize,
}

impl Job {
    /// Reads and encodes the data for `base`, and notes its fingerprint.
    ///
    /// # Errors
    /// A file cannot be read or used (the message names file and line), or there is no such task.
    pub fn read(&mut self, base: &Base) -> Result<Read> {
        let limits = Limits { tokens: self.max_tokens.unwrap_or(usize::MAX), skip: self.skip_long };
        let ((train, skipped), (held, held_skipped)) = match &self.source {
            Source::Task(name) => {
                let task = Task::named(name).map_err(Error::Msg)?;
                let lines = |records: Vec<data::Record>| {
                    records
                        .into_iter()
                        .enumerate()
                        .map(|(index, record)| Line { number: index + 1, record })
                        .collect::<Vec<_>>()
                };
                let encode = |lines: &[Line]| {
                    data::encode_all(lines, base, limits).map_err(|error| {
                        Error::Msg(format!("task `{name}` on base `{}`: {}", base.name, crate::model::one_line(&error)))
                    })
                };
                (encode(&lines(task.train()))?, encode(&lines(task.held_out()))?)
            }
            Source::Files { train, held_out } => {
                let held = held_out.as_ref().map(|file| file_of(file, base, limits)).transpose()?;
                (file_of(train, base, limits)?, held.unwrap_or_default())
            }
        };
        let fingerprint = fingerprint(train.iter().chain(&held));
        if !self.fingerprint.is_empty() && self.fingerprint != fingerprint {
            bail!("the data is no longer what the run began with: put it back, or begin anew with another --out");
        }
        self.fingerprint = fingerprint;
        Ok(Read { data: Data { train, held, pad: base.tokenizer.pad() }, skipped: skipped + held_skipped })
    }
}

fn file_of(file: &Path, base: &Base, limits: Limits) -> Result<(Vec<Example>, usize)> {
    let lines = data::read(file).map_err(|error| Error::Msg(error.to_string()))?;
    data::encode_all(&lines, base, limits)
        .map_err(|error| Error::Msg(format!("{}: {}", file.display(), crate::model::one_line(&error))))
}

/// FNV-1a over all tokens.
fn fingerprint<'e>(examples: impl Iterator<Item = &'e Example>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for example in examples {
        for (id, scored) in example.ids.iter().zip(&example.scored) {
            hash = (hash ^ (u64::from(*id) << 1 | u64::from(*scored))).wrapping_mul(0x0100_0000_01b3);
        }
        hash = (hash ^ u64::MAX).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}
