//! What a run was asked to do, in full: base, data, method, settings. A checkpoint carries it, so that a run can be resumed without
//! repeating it.

use std::path::{Path, PathBuf};

use candle_core::{Error, Result, bail};
use serde::{Deserialize, Serialize};

use super::{
    Data, Example, Kind, Recipe, Settings, Task, Trainee,
    data::{self, Limits, Line},
    fingerprint::Fingerprint,
};
use crate::{device::Precision, model::Base};

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
    /// Type of the frozen matrices.
    #[serde(default)]
    pub precision: Precision,
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
    /// Fingerprint of the adapters that a fusion fuses, set when they are read.
    #[serde(default)]
    pub fused: String,
}

/// Data as read, and how many examples were left out for their length.
pub struct Read {
    /// Encoded.
    pub data: Data,
    /// Left out.
    pub skipped: usize,
}

impl Job {
    /// Checks whether method and settings can be used, and whether the base's type lets the method train.
    ///
    /// # Errors
    /// One of them cannot.
    pub fn check(&self) -> Result<()> {
        self.settings.check()?;
        self.recipe.check()?;
        let method = self.recipe.method;
        match self.precision {
            Precision::F32 => Ok(()),
            Precision::F16 => {
                bail!(
                    "gradients underflow in f16 unless the loss is scaled, which this program does not do: train with --dtype bf16"
                )
            }
            Precision::Bf16 if matches!(method, Kind::Full | Kind::Galore) => {
                bail!(
                    "{method} trains the base's matrices themselves, and small updates vanish in bf16: leave out --dtype"
                )
            }
            Precision::Bf16 => Ok(()),
        }
    }

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

    /// Notes the fingerprint of the adapters that `trainee` fuses, if it does.
    ///
    /// # Errors
    /// The run is resumed, and they are no longer those that it began with.
    pub fn note_fused(&mut self, trainee: &Trainee) -> Result<()> {
        let Some(fusion) = trainee.fused() else { return Ok(()) };
        let fused = Fingerprint::of(fusion.adapters())?.to_string();
        if !self.fused.is_empty() && self.fused != fused {
            bail!(
                "the adapters that are fused are no longer those that the run began with: put them back, or begin anew with another --out"
            );
        }
        self.fused = fused;
        Ok(())
    }
}

fn file_of(file: &Path, base: &Base, limits: Limits) -> Result<(Vec<Example>, usize)> {
    let lines = data::read(file).map_err(|error| Error::Msg(error.to_string()))?;
    data::encode_all(&lines, base, limits)
        .map_err(|error| Error::Msg(format!("{}: {}", file.display(), crate::model::one_line(&error))))
}

/// Of all tokens, and which of them are scored.
fn fingerprint<'e>(examples: impl Iterator<Item = &'e Example>) -> String {
    let mut print = Fingerprint::default();
    for example in examples {
        for (id, scored) in example.ids.iter().zip(&example.scored) {
            print.add(u64::from(*id) << 1 | u64::from(*scored));
        }
        print.add(u64::MAX);
    }
    print.to_string()
}
