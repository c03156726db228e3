//! Why an endpoint gave no judgement, in one line each, and which of these are worth another try.

use std::time::Duration;

/// Why the judge could not be heard. The text never holds the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection.
    #[error("cannot be reached ({0}): is it running, and is the address right?")]
    Unreachable(String),
    /// Connected, then silence.
    #[error("sent nothing for {0:.1?}: it hangs, or needs more time (--judge-seconds N)")]
    Silent(Duration),
    /// An answer that never ended.
    #[error("did not finish one answer in {0:.1?} (--judge-seconds N gives it more)")]
    Slow(Duration),
    /// The time for all the questions about one answer is over.
    #[error("used up its {0:.1?} for this answer (--judge-seconds N gives it more)")]
    Deadline(Duration),
    /// 401 or 403.
    #[error("refuses access ({code}): {advice}")]
    Access {
        /// The HTTP status.
        code: u16,
        /// What to do about the key.
        advice: &'static str,
    },
    /// Another status than 200.
    #[error("answers with HTTP status {code}{message}")]
    Status {
        /// The HTTP status.
        code: u16,
        /// `: ` and what the endpoint says about it, or nothing.
        message: String,
        /// Seconds it asks to wait.
        retry_after: Option<u64>,
    },
    /// It asks for a longer wait than a learner should sit through.
    #[error("asks to wait {0} s before the next question")]
    Wait(u64),
    /// The response is longer than a judgement can be.
    #[error("sent more than {0} bytes for one judgement")]
    TooLarge(u64),
    /// The connection broke, or carried no HTTP.
    #[error("broke off in the middle of an answer ({0})")]
    Broken(String),
    /// HTTP, but not this protocol.
    #[error("does not speak the chat-completions protocol ({0})")]
    Foreign(&'static str),
    /// It credited the answer with a statement that is not in it.
    #[error("is not heard on this answer: asked for a statement that is not in it, it did not say no")]
    Control,
    /// Earlier answers met with faults one after another.
    #[error("failed {0} times in a row and is not asked again")]
    GivenUp(u8),
}

impl Fault {
    /// How long to wait before another try, given the usual `pause`; none where another try would end the same way.
    pub(super) fn wait(&self, pause: Duration) -> Option<Duration> {
        match self {
            Self::Status { code: 429 | 500..=599, retry_after, .. } => {
                Some(retry_after.map_or(pause, Duration::from_secs))
            }
            Self::Broken(_) => Some(pause),
            _ => None,
        }
    }

    /// Whether the endpoint itself failed, rather than the judgement it gave.
    pub(super) fn is_endpoints(&self) -> bool {
        !matches!(self, Self::Control | Self::GivenUp(_))
    }
}
