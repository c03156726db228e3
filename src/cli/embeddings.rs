//! `--embeddings`: a whole sentence encoder in place of the compact one that ships.

use std::{path::Path, sync::Arc};

use super::Failure;
use crate::{
    model::{hub_directory, one_line},
    quiz::{
        bank::Bank,
        grade::{
            Lexicon,
            meaning::{Bert, Encoder},
        },
    },
};

/// Options that name an encoder.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct EmbeddingsArgs {
    /// A BERT sentence encoder with mean pooling: a directory, or owner/name on the Hugging Face hub. Fitted for
    /// sentence-transformers/all-MiniLM-L6-v2; about a second more at each new question
    #[arg(long, value_name = "DIR|ID")]
    embeddings: Option<String>,
}

impl EmbeddingsArgs {
    /// Reads the encoder, if one is named.
    ///
    /// # Errors
    /// There is none, or it is malformed.
    pub fn open(&self) -> Result<Option<Arc<dyn Encoder>>, Failure> {
        let Some(named) = &self.embeddings else { return Ok(None) };
        let path = Path::new(named);
        let told = |error: candle_core::Error| Failure::usage(format!("--embeddings {named}: {}", one_line(&error)));
        let directory = match path.is_dir() {
            true => path.to_path_buf(),
            false => hub_directory(named).map_err(told)?,
        };
        let encoder: Arc<dyn Encoder> = Arc::new(Bert::open(&directory).map_err(told)?);
        Ok(Some(encoder))
    }

    /// The lexicon of `bank` with the encoder.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub fn lexicon(&self, bank: &Bank) -> Result<Lexicon, Failure> {
        let lexicon = Lexicon::new(bank);
        Ok(match self.open()? {
            Some(encoder) => lexicon.encoding(encoder),
            None => lexicon,
        })
    }
}
