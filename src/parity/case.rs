//! A golden case on disk.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use candle_core::{DType, Device, Error, Result, Tensor, bail};
use serde_json::{Map, Value};

use super::{Check, check};
use crate::model::{Site, read_tensors_file, read_text};

/// `case.json`, `io.safetensors`, and where the rest is.
pub(super) struct Case {
    dir: PathBuf,
    about: Map<String, Value>,
    io: HashMap<String, Tensor>,
    device: Device,
}

impl Case {
    pub(super) fn open(dir: &Path, device: &Device) -> Result<Self> {
        let file = dir.join("case.json");
        let about = serde_json::from_str(&read_text(&file)?)
            .map_err(|error| Error::Msg(format!("{}: {error}", file.display())))?;
        let io = match dir.join("io.safetensors") {
            file if file.is_file() => candle_core::safetensors::load(&file, device)
                .map_err(|error| Error::Msg(format!("{}: {error}", file.display())))?,
            _ => HashMap::new(),
        };
        Ok(Self { dir: dir.to_owned(), about, io, device: device.clone() })
    }

    pub(super) fn method(&self) -> &str {
        self.about.get("method").and_then(Value::as_str).unwrap_or_default()
    }

    /// Where its tensors are.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn has_file(&self, name: &str) -> bool {
        self.dir.join(name).exists()
    }

    /// Tensors of another file of the case, as f32.
    pub(super) fn file(&self, name: &str) -> Result<BTreeMap<String, Tensor>> {
        read_tensors_file(&self.dir.join(name), &self.device)
    }

    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.about.get(name)
    }

    pub(super) fn hyper(&self, name: &str) -> Option<&Value> {
        self.field("hyperparameters")?.get(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.io.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.io.keys().map(String::as_str)
    }

    /// An input or expected output.
    pub(super) fn tensor(&self, name: &str) -> Result<&Tensor> {
        match self.io.get(name) {
            Some(tensor) => Ok(tensor),
            None => bail!("io.safetensors has no `{name}`"),
        }
    }

    /// Token ids (batch, tokens).
    pub(super) fn ids(&self) -> Result<Tensor> {
        self.tensor("input_ids")?.to_dtype(DType::U32)
    }

    pub(super) fn tolerance(&self, name: &str) -> Result<f64> {
        match self.field("tolerance").and_then(|all| all.get(name)).and_then(Value::as_f64) {
            Some(tolerance) => Ok(tolerance),
            None => bail!("case.json has no tolerance `{name}`"),
        }
    }

    /// Compares with the expected output of this name.
    pub(super) fn check(&self, name: &str, ours: &Tensor, tolerance: &str) -> Result<Check> {
        check(name, ours, self.tensor(name)?, self.tolerance(tolerance)?)
    }

    /// The site that an expected tensor is about: the first module path in what `case.json` says of its meaning.
    pub(super) fn site_of(&self, tensor: &str, sites: &[Site]) -> Result<Site> {
        let meaning = self.field("tensors").and_then(|files| files.get("io.safetensors")).and_then(|io| io.get(tensor));
        let meaning = meaning.and_then(|tensor| tensor.get("meaning")).and_then(Value::as_str).unwrap_or_default();
        let words = || meaning.split([' ', ',', ':', ';']);
        let named = sites.iter().find(|site| words().any(|word| word == site.to_string()));
        named.copied().ok_or_else(|| Error::Msg(format!("case.json does not say at which module `{tensor}` is")))
    }
}
