//! The server from outside: the OpenAI client, and a load test with hostile company.

pub(crate) mod client;
pub(crate) mod fleet;
mod hostile;
pub(crate) mod load;
pub(crate) mod process;

/// The result of a chore.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
