//! A checkpoint: everything a run needs to go on with the same numbers, in one safetensors file.
//!
//! ```text
//! train.*   what trains          optim.*   the optimiser's state          best.*   the best tensors so far, with early stopping
//! metadata: step, place in the data, dropout masks drawn, metrics so far, and what the run was asked to do
//! ```
//!
//! One file, so that one rename replaces it: it is written beside its place, flushed to disk, and moved there. Whenever the process dies,
//! the file is the old one or the new one, whole.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    path::Path,
};

use candle_core::{Device, Error, Result, Tensor, bail};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Held, Metric};
use crate::model::one_line;

/// Its name in a run's directory.
pub const NAME: &str = "checkpoint.safetensors";

/// Where the state stands in the file's metadata.
const KEY: &str = "deltaw";

/// What an unfinished file is called.
const UNFINISHED: (&str, &str) = (".checkpoint-", ".part");

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub step: usize,
    /// Examples taken.
    pub cursor: u64,
    /// Dropout masks drawn.
    pub draws: u64,
    /// Evaluation with the lowest held-out loss, and its step.
    pub best: Option<(usize, Held)>,
    /// Evaluations since.
    pub waited: usize,
    /// What happened so far.
    pub metrics: Vec<Metric>,
    /// What the run was asked to do; the run itself does not look into it.
    pub job: Value,
}

/// A checkpoint in memory.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Where the run stands.
    pub state: State,
    /// All tensors, by their names in the file.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Checkpoint {
    /// Writes it to `dir`, whole or not at all.
    ///
    /// # Errors
    /// The place cannot be written.
    pub fn save(self, dir: &Path) -> Result<()> {
        let place = dir.join(NAME);
        let text = serde_json::to_string(&self.state).map_err(Error::wrap)?;
        let metadata = HashMap::from([(KEY.to_owned(), text)]);
        let (prefix, suffix) = UNFINISHED;
        let file = tempfile::Builder::new()
            .prefix(prefix)
            .suffix(suffix)
            .tempfile_in(dir)
            .map_err(|error| at(&place, &error))?;
        safetensors::serialize_to_file(self.tensors, Some(metadata), file.path())
            .map_err(|error| at(&place, &error))?;
        file.as_file().sync_all().map_err(|error| at(&place, &error))?;
        file.persist(&place).map_err(|error| at(&place, &error.error))?;
        // The rename itself reaches the disk with its directory.
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| at(&place, &error))
    }

    /// Reads the checkpoint in `dir`.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn load(dir: &Path, device: &Device) -> Result<Self> {
        let place = dir.join(NAME);
        if !place.is_file() {
            bail!("{}: no {NAME} there; the run is finished, or it never saved one", dir.display());
        }
        let bytes = fs::read(&place).map_err(|error| at(&place, &error))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| at(&place, &error))?;
        let text = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let Some(text) = text else { bail!("{}: this is no checkpoint of deltaw", place.display()) };
        let state = serde_json::from_str(text).map_err(|error| at(&place, &error))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, device).map_err(|error| at(&place, &error))?;
        Ok(Self { state, tensors: tensors.into_iter().collect() })
    }

    /// The same with its tensors on `device`.
    ///
    /// # Errors
    /// The device has no room.
    pub fn on(mut self, device: &Device) -> Result<Self> {
        for tensor in self.tensors.values_mut() {
            *tensor = tensor.to_device(device)?;
        }
        Ok(self)
    }

    /// The tensors whose names begin with `prefix` and a dot, without it.
    #[must_use]
    pub fn part(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let of = |(name, tensor): (&String, &Tensor)| {
            Some((name.strip_prefix(prefix)?.strip_prefix('.')?.to_owned(), tensor.clone()))
        };
        self.tensors.iter().filter_map(of).collect()
    }
}

/// Removes the checkpoint of a finished run, and what killed ones left unfinished.
///
/// # Errors
/// The directory cannot be changed.
pub fn clear(dir: &Path) -> Result<()> {
    remove(dir, |name| name == NAME || unfinished(name))
}

/// Removes what killed runs left unfinished.
///
/// # Errors
/// As [`clear`].
pub fn sweep(dir: &Path) -> Result<()> {
    remove(dir, unfinished)
}

fn unfinished(name: &str) -> bool {
    name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1)
}

fn remove(dir: &Path, which: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(|error| at(dir, &error))?.filter_map(std::result::Result::ok) {
        if which(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).map_err(|error| at(&entry.path(), &error))?;
        }
    }
    Ok(())
}

fn at(path: &Path, error: &impl std::fmt::Display) -> Error {
    Error::Msg(format!("{}: {}", path.display(), one_line(error)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_broken_is_named() {
        let dir = tempfile::tempdir().unwrap();
        // 1.8220328092575073 comes back as ...507 from serde_json without its feature `float_roundtrip`.
        let metrics = vec![Metric::Held { step: 0, held_out_loss: 1.822_032_809_257_507_3, held_out_exact: 1.0 / 3.0 }];
        let state = State { step: 3, cursor: 24, metrics, job: "x".into(), ..State::default() };
        let tensors = BTreeMap::from([
            ("train.a".to_owned(), Tensor::new(&[1f32, f32::MIN_POSITIVE], &Device::Cpu).unwrap()),
            ("optim.codes".to_owned(), Tensor::new(&[0u8, 255], &Device::Cpu).unwrap()),
        ]);
        for _ in 0..2 {
            Checkpoint { state: state.clone(), tensors: tensors.clone() }.save(dir.path()).unwrap();
        }
        let read = Checkpoint::load(dir.path(), &Device::Cpu).unwrap();
        assert_eq!(read.state, state);
        assert_eq!(read.part("train")["a"].to_vec1::<f32>().unwrap(), [1f32, f32::MIN_POSITIVE]);
        assert_eq!(read.part("optim")["codes"].to_vec1::<u8>().unwrap(), [0, 255]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");

        let whole = fs::read(dir.path().join(NAME)).unwrap();
        for length in [0, 7, 40, whole.len() - 1] {
            fs::write(dir.path().join(NAME), &whole[..length]).unwrap();
            let error = Checkpoint::load(dir.path(), &Device::Cpu).unwrap_err().to_string();
            assert!(error.contains(NAME) && error.lines().count() == 1, "{error}");
        }
        fs::write(dir.path().join(".checkpoint-x.part"), "").unwrap();
        clear(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
