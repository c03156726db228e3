//! How a command fails: one line for the user, and an exit code.

use std::io;

/// Why a command stopped. Its text is one line that says what happened and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The user's input cannot be used: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The command ran and its finding is negative (a check failed): exit code 1. The finding is already printed.
    #[error("{0}")]
    Finding(String),
    /// Something on this machine went wrong: exit code 1.
    #[error("{0}")]
    Machine(String),
    /// Reading or writing failed; a broken pipe counts as success.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Failure {
    /// The user's input cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// Something on this machine went wrong.
    pub fn machine(message: impl Into<String>) -> Self {
        Self::Machine(message.into())
    }

    /// 0 for a broken pipe, 1 when the work failed, 2 when the input was unusable.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Finding(_) | Self::Machine(_) => 1,
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Io(_) => 1,
        }
    }
}
