//! Loading a bank. The drill does the cheap part only; [`check`](super::check) finds every fault.

use std::{fs, io::Read as _, path::Path};

use super::Bank;

/// The largest bank that is read, in bytes.
pub const SIZE_LIMIT: u64 = 4 << 20;

/// The text of the bank that is part of the program.
pub const BUILTIN: &str = include_str!("../../../questions.yaml");

/// Why a bank could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// The file cannot be read.
    #[error("{file}: {error}; name a bank with --bank FILE")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file is larger than [`SIZE_LIMIT`].
    #[error("{file}: more than {SIZE_LIMIT} bytes; split the bank")]
    Large {
        /// The file.
        file: String,
    },
    /// The text is no bank.
    #[error("{file}: {error}; `deltaw bank check` lists every fault with line and column")]
    Format {
        /// The file, or `questions.yaml` for the built-in bank.
        file: String,
        /// What is wrong first.
        error: String,
    },
}

/// The bank that is part of the program.
///
/// # Errors
/// Never for a released program: the bank is checked in its tests.
pub fn builtin() -> Result<Bank, BankError> {
    load(BUILTIN).map_err(|error| BankError::Format { file: "questions.yaml".to_owned(), error })
}

/// Reads a bank from a file.
///
/// # Errors
/// See [`BankError`].
pub fn load_file(path: &Path) -> Result<Bank, BankError> {
    let file = path.display().to_string();
    load(&read(path)?).map_err(|error| BankError::Format { file, error })
}

/// The text of a bank file, within the limit.
///
/// # Errors
/// See [`BankError`].
pub fn read(path: &Path) -> Result<String, BankError> {
    let file = || path.display().to_string();
    let mut bytes = Vec::new();
    let opened = fs::File::open(path).map_err(|error| BankError::Read { file: file(), error })?;
    opened.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| BankError::Read { file: file(), error })?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(BankError::Large { file: file() });
    }
    String::from_utf8(bytes).map_err(|_| BankError::Format { file: file(), error: "not UTF-8 text".to_owned() })
}

/// Decodes a bank.
///
/// # Errors
/// The first fault, in words.
pub fn load(text: &str) -> Result<Bank, String> {
    if text.len() as u64 > SIZE_LIMIT {
        return Err(format!("more than {SIZE_LIMIT} bytes; split the bank"));
    }
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}
