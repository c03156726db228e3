//! A model as a directory: `config.json` and `model.safetensors`, as Hugging Face writes them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    io::{self, Read as _},
    path::Path,
};

use candle_core::{DType, Device, Error, Result, Tensor, bail};

use super::{Config, Decoder, Weight, bnb};
use crate::quant::Scales;

/// The largest weights file that is read, in bytes.
const FILE_LIMIT: u64 = 8 << 30;

/// The largest index of weights that is read, in bytes.
const INDEX_LIMIT: u64 = 64 << 20;

/// The largest configuration that is read, in bytes.
const TEXT_LIMIT: u64 = 1 << 20;

/// Reads a model directory in f32; projections that bitsandbytes quantised to NF4 stay in four bits.
///
/// # Errors
/// A file is missing, too large, malformed, or its tensors do not fit the config.
pub fn load_dir(dir: &Path, device: &Device) -> Result<Decoder> {
    let config_file = dir.join("config.json");
    let config = Config::from_json(&read_text(&config_file)?).map_err(|error| at(dir, error))?;
    let weights = bnb::decode(read_weights(dir, device)?, device).map_err(|error| at(dir, error))?;
    let model = Decoder::from_weights(config, &weights)?;
    refuse_unknown(&model, &weights).map_err(|error| at(dir, error))?;
    Ok(model)
}

/// A tensor in a layer that the decoder has no use for (a bias, a norm of queries) would be missing from what it computes.
fn refuse_unknown(model: &Decoder, weights: &BTreeMap<String, Weight>) -> Result<()> {
    let known = model.weights();
    // Old checkpoints store the rotary frequencies, which follow from the configuration.
    let unknown = |name: &str| {
        name.starts_with("model.layers.") && !name.ends_with("rotary_emb.inv_freq") && !known.contains_key(name)
    };
    match weights.keys().find(|name| unknown(name)) {
        Some(name) => bail!("`{name}` has no place in this decoder: the model is not of LLaMA's architecture"),
        None => Ok(()),
    }
}

/// Reads the weights of a model directory as they are stored: `model.safetensors`, or the files that `model.safetensors.index.json` names.
///
/// # Errors
/// A file is missing, too large or malformed, or the index names a file outside the directory.
fn read_weights(dir: &Path, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let index = dir.join("model.safetensors.index.json");
    if dir.join("model.safetensors").exists() || !index.exists() {
        return read_stored(&dir.join("model.safetensors"), device);
    }
    let index: Index = serde_json::from_str(&read_limited(&index, INDEX_LIMIT)?).map_err(|error| at(&index, error))?;
    let mut weights = BTreeMap::new();
    for name in index.weight_map.into_values().collect::<BTreeSet<_>>() {
        if !name.ends_with(".safetensors") || name.contains(['/', '\\']) {
            bail!("{}: the index names `{name}`, which is no safetensors file beside it", dir.display());
        }
        weights.extend(read_stored(&dir.join(name), device)?);
    }
    Ok(weights)
}

/// Reads the weights of a model directory in f32, whatever the architecture; four-bit ones are dequantised.
///
/// # Errors
/// A file is missing, too large or malformed, the index names a file outside the directory, or a four-bit weight is incomplete.
pub fn read_dense(dir: &Path, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let weights = bnb::decode(read_weights(dir, device)?, device).map_err(|error| at(dir, error))?;
    weights.into_iter().map(|(name, weight)| Ok((name, weight.dense()?))).collect()
}

#[derive(serde::Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads a small text file, such as a configuration.
///
/// # Errors
/// It is missing, larger than a mebibyte, or not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    read_limited(path, TEXT_LIMIT)
}

/// Reads a text file of at most `limit` bytes.
pub(super) fn read_limited(path: &Path, limit: u64) -> Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| at(path, error))?;
    let size = file.take(limit + 1).read_to_string(&mut text).map_err(|error| at(path, error))?;
    if size as u64 > limit {
        bail!("{}: more than the {limit} bytes that are read", path.display());
    }
    Ok(text)
}

/// Reads the tensors of a safetensors file, as f32.
///
/// # Errors
/// The file is missing or too large, its header lies about the data, or a dtype is unknown.
pub fn read_tensors_file(path: &Path, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let stored = read_stored(path, device)?.into_iter();
    stored.map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?))).collect()
}

fn read_stored(path: &Path, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let size = fs::metadata(path).map_err(|error| at(path, error))?.len();
    if size > FILE_LIMIT {
        bail!("{}: {size} bytes is more than the {FILE_LIMIT} that are read", path.display());
    }
    let bytes = fs::read(path).map_err(|error| at(path, error))?;
    let tensors = candle_core::safetensors::load_buffer(&bytes, device).map_err(|error| at(path, error))?;
    Ok(tensors.into_iter().collect())
}

/// Writes tensors as a safetensors file, whole or not at all. The metadata says `format: pt`, which transformers asks for.
///
/// # Errors
/// The place cannot be written.
pub fn write_tensors(path: &Path, tensors: BTreeMap<String, Tensor>) -> Result<()> {
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(tensors, Some(format)).map_err(|error| at(path, error))?;
    write_whole(path, &bytes)
}

/// Reads the tensors of a safetensors file held in memory, as f32.
///
/// # Errors
/// The header lies about the data, or a dtype is unknown.
pub fn read_tensors(bytes: &[u8], device: &Device) -> Result<BTreeMap<String, Tensor>> {
    candle_core::safetensors::load_buffer(bytes, device)?
        .into_iter()
        .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F32)?)))
        .collect()
}

/// Writes a model directory. Each file is complete or absent: it is written beside its place and moved there.
///
/// # Errors
/// The directory cannot be made or written.
pub fn save_dir(model: &Decoder, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|error| at(dir, error))?;
    let weights = model.weights();
    let quantisation = weights.values().find_map(Weight::quantised);
    let quantisation = quantisation.map(|numbers| bnb::config(matches!(numbers.scales(), Scales::Double { .. })));
    // The configuration last: a directory that a full disk left without weights is no model directory.
    write_tensors(&dir.join("model.safetensors"), bnb::encode(&weights)?)?;
    write_whole(&dir.join("config.json"), model.config().to_json(quantisation)?.as_bytes())
}

/// Writes `model` as a changed copy of the model directory `like`: each tensor in the type it has there, and every other file as it is
/// there, so that tokenizer and configuration go with the weights.
///
/// # Errors
/// A directory cannot be read or written.
pub fn save_like(model: &Decoder, like: &Path, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(|error| at(dir, error))?;
    let mut stored = read_weights(like, model.device())?;
    for (name, tensor) in model.tensors() {
        if let Some(old) = stored.get(&name) {
            let typed = tensor.to_dtype(old.dtype())?;
            stored.insert(name, typed);
        }
    }
    write_tensors(&dir.join("model.safetensors"), stored)?;
    for entry in fs::read_dir(like).map_err(|error| at(like, error))? {
        let entry = entry.map_err(|error| at(like, error))?;
        let name = entry.file_name();
        let weights = name.to_string_lossy().contains(".safetensors") || name.to_string_lossy().ends_with(".bin");
        if entry.path().is_file() && !weights {
            let file = fs::File::open(entry.path()).map_err(|error| at(&entry.path(), error))?;
            write_from(&dir.join(&name), file)?;
        }
    }
    Ok(())
}

/// Writes a file, whole or not at all: beside its place first, then moved there.
///
/// # Errors
/// The place cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_from(path, bytes)
}

/// The same from a reader.
fn write_from(path: &Path, mut from: impl io::Read) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = beside().tempfile_in(dir).map_err(|error| at(path, error))?;
    io::copy(&mut from, &mut file).and_then(|_| file.as_file().sync_all()).map_err(|error| at(path, error))?;
    file.persist(path).map_err(|error| at(path, error.error))?;
    Ok(())
}

/// How a file is made beside its place: readable as the user's umask allows, not by its owner alone as temporary files are.
fn beside() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

pub(super) fn at(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Msg(format!("{}: {}", path.display(), one_line(&error)))
}

/// An error's message in one line, without the backtrace that candle adds where `RUST_BACKTRACE` is set.
pub fn one_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let message = text.split("\n   0: ").next().unwrap_or_default();
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(": ")
}
