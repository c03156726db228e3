//! What goes into the engine and what comes out. Nothing here knows of HTTP.

use std::time::Instant;

use crate::generate::Sampling;

/// One prompt to go on from.
pub struct Request {
    /// Who pays: fairness is between tenants.
    pub tenant: String,
    /// The adapter's id; none for the base.
    pub adapter: Option<String>,
    /// Token ids; at least one.
    pub prompt: Vec<u32>,
    /// The most tokens to generate; at least one.
    pub max_tokens: usize,
    /// How they are chosen.
    pub sampling: Sampling,
    /// Texts that end the answer; they are not part of it.
    pub stop: Vec<String>,
    /// When the answer is no longer wanted.
    pub deadline: Instant,
    /// Where the answer goes.
    pub sink: Box<dyn Sink>,
}

/// The receiving end of an answer.
pub trait Sink: Send {
    /// Hands on an event. What a client that left would have got is dropped.
    fn send(&self, event: Event);

    /// Whether nobody listens any more.
    fn is_closed(&self) -> bool;
}

/// Part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// More text.
    Text(String),
    /// The end.
    Done {
        /// Why it ended.
        reason: Reason,
        /// Tokens of the prompt.
        prompt_tokens: usize,
        /// Tokens generated.
        generated_tokens: usize,
    },
    /// The request failed.
    Failed(Fault),
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The model ended it, or a stop text came.
    Stop,
    /// It was as long as it may be.
    Length,
}

/// Why a request failed after it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The adapter cannot be served.
    Adapter(String),
    /// The deadline passed.
    TooLate,
    /// The computation failed.
    Internal(String),
}

/// Why a request was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A queue is full; seconds after which to try again.
    Full {
        /// Seconds.
        retry_after: u64,
    },
    /// The server is stopping.
    Stopping,
}
