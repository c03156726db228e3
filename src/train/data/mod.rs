//! Training data: records as people write them, and the tokens they become.

mod encode;
mod jsonl;
mod order;

use serde::{Deserialize, Serialize};

pub use encode::{Limits, encode, encode_all};
pub use jsonl::{Error, Line, read, write};
pub use order::Order;

use crate::model::Message;

/// One example as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Record {
    /// A text to read and the text that should follow; only that one is scored.
    Completion {
        /// What is read.
        prompt: String,
        /// What is learnt.
        completion: String,
    },
    /// A conversation through the base's chat template; the assistant's turns are scored.
    Chat {
        /// The turns.
        messages: Vec<Message>,
    },
    /// A plain text, all of which is scored.
    Text {
        /// The text.
        text: String,
    },
}

impl Record {
    /// A prompt with its completion.
    pub fn completion(prompt: impl Into<String>, completion: impl Into<String>) -> Self {
        Self::Completion { prompt: prompt.into(), completion: completion.into() }
    }
}
