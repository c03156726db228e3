//! What happened, one line a step and one an evaluation: `metrics.jsonl`.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use candle_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::{device::Transfers, model::write_whole};

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Metric {
    /// A step.
    Step {
        /// Counted from 1.
        step: usize,
        /// Mean cross entropy of the scored tokens before the update, in nats.
        loss: f64,
        /// η of this step.
        learning_rate: f64,
        /// Norm of the gradient before clipping.
        gradient_norm: Option<f64>,
        /// Tokens read, padding included.
        tokens: usize,
        /// How long it took.
        seconds: f64,
        /// Copies between host and device.
        #[serde(default)]
        transfers: Transfers,
    },
    /// An evaluation.
    Held {
        /// Steps done before it.
        step: usize,
        /// Mean cross entropy of the held-out examples' scored tokens, in nats.
        held_out_loss: f64,
        /// Share of held-out answers that greedy decoding gets wholly right.
        held_out_exact: f64,
    },
}

impl Metric {
    /// The loss of a step.
    #[must_use]
    pub fn loss(&self) -> Option<f64> {
        match self {
            Self::Step { loss, .. } => Some(*loss),
            Self::Held { .. } => None,
        }
    }
}

/// `metrics.jsonl`, written as it happens.
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Starts the file with what is known so far; what stood there is replaced.
    pub(super) fn start(path: &Path, so_far: &[Metric]) -> Result<Self> {
        let mut text = Vec::new();
        for metric in so_far {
            text.extend(line(metric)?);
        }
        write_whole(path, &text)?;
        let file = OpenOptions::new().append(true).open(path).map_err(|error| at(path, &error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends a line.
    pub(super) fn push(&mut self, metric: &Metric) -> Result<()> {
        self.file.write_all(&line(metric)?).map_err(|error| at(&self.path, &error))
    }
}

fn line(metric: &Metric) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(metric).map_err(Error::wrap)?;
    line.push(b'\n');
    Ok(line)
}

fn at(path: &Path, error: &std::io::Error) -> Error {
    Error::Msg(format!("{}: {error}", path.display()))
}
