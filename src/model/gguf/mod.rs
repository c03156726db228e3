//! GGUF files (llama.cpp's format; specification in ggml's `docs/gguf.md`) of LLaMA-style decoders.
//!
//! The header is untrusted: it is read from a bounded copy of the file's start, and every shape is compared with the sizes before any tensor
//! is read.

mod metadata;
mod weights;

use std::{
    fs::File,
    io::{Cursor, Read as _},
    path::Path,
};

use candle_core::{Device, Result, bail, quantized::gguf_file::Content};

pub(super) use metadata::Metadata;

use super::{Config, Decoder};

/// The largest header that is read, in bytes: a vocabulary of a quarter of a million tokens takes some twelve million.
const HEADER_LIMIT: u64 = 64 << 20;

/// An open GGUF file.
#[derive(Debug)]
pub(super) struct Gguf {
    content: Content,
    file: File,
}

impl Gguf {
    /// Reads the header of a file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let mut start = Vec::new();
        (&file).take(HEADER_LIMIT).read_to_end(&mut start)?;
        check_alignment(&start)?;
        Ok(Self { content: Content::read(&mut Cursor::new(&start))?, file })
    }

    /// What the header says besides the tensors.
    pub(super) fn metadata(&self) -> Metadata<'_> {
        Metadata::new(&self.content.metadata)
    }

    /// The decoder; with `kept`, matrices stay in the blocks in which they are stored.
    pub(super) fn decoder(&self, kept: bool, device: &Device) -> Result<Decoder> {
        let tied = !self.content.tensor_infos.contains_key("output.weight");
        let config: Config = self.metadata().config(tied)?;
        let weights = weights::read(&self.content, &self.file, &config, kept, device)?;
        Decoder::from_weights(config, &weights)
    }
}

/// Refuses an alignment of zero, by which candle's reader would divide.
fn check_alignment(header: &[u8]) -> Result<()> {
    const NAME: &[u8] = b"general.alignment";
    let zero = header.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME).any(|(start, _)| {
        // A type of one, two or four bytes, then the value.
        let after = &header[start + NAME.len()..];
        let width = match after.first() {
            Some(0 | 1) => 1,
            Some(2 | 3) => 2,
            _ => 4,
        };
        after.get(4..4 + width).is_some_and(|value| value.iter().all(|byte| *byte == 0))
    });
    if zero {
        bail!("general.alignment is zero");
    }
    Ok(())
}
