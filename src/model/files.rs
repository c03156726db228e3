//! A model as a directory: `config.json` and `model.safetensors`, as Hugging Face writes them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write as _,
    path::Path,
};

use candle_core::{DType, Device, Error, Result, Tensor, bail};

use super::{Config, Decoder};

/// The largest weights file that is read, in bytes.
const FILE_LIMIT: u64 = 8 << 30;

/// Reads a model directory in f32.
///
/// # Errors
/// A file is missing, too large, malformed, or its tensors do not fit the config.
pub fn load_dir(dir: &Path, device: &Device) -> Result<Decoder> {
    let config_file = dir.join("config.json");
    let text = fs::read_to_string(&config_file).map_err(|error| at(&config_file, error))?;
    let config: Config = serde_json::from_str(&text).map_err(|error| at(&config_file, error))?;
    let weights_file = dir.join("model.safetensors");
    let size = fs::metadata(&weights_file).map_err(|error| at(&weights_file, error))?.len();
    if size > FILE_LIMIT {
        bail!("{}: {size} bytes is more than the {FILE_LIMIT} that are read", weights_file.display());
    }
    let bytes = fs::read(&weights_file).map_err(|error| at(&weights_file, error))?;
    Decoder::new(config, &read_tensors(&bytes, device)?)
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
    let config = serde_json::to_vec_pretty(model.config()).map_err(|error| at(dir, error))?;
    write_whole(&dir.join("config.json"), &config)?;
    let tensors: HashMap<String, Tensor> = model.tensors().into_iter().collect();
    let bytes = safetensors::serialize(&tensors, None).map_err(|error| at(dir, error))?;
    write_whole(&dir.join("model.safetensors"), &bytes)
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(|error| at(path, error))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|error| at(path, error))?;
    file.persist(path).map_err(|error| at(path, error.error))?;
    Ok(())
}

fn at(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Msg(format!("{}: {error}", path.display()))
}
