//! Writing text: from a prompt's tokens to an answer, token by token, with a key/value cache.
//!
//! ```
//! use deltaw::{generate::{Generation, Sampling, Stop}, model::{Base, Shut}};
//!
//! let base = Base::tiny(&candle_core::Device::Cpu)?;
//! let prompt = base.tokenizer.encode("up:abc>")?;
//! let mut answer = Generation::new(&base, &Shut, &prompt, 20, Sampling::Greedy)?;
//! let mut text = String::new();
//! while let Some(piece) = answer.next_piece()? {
//!     text += &piece;
//! }
//! assert_eq!((text.as_str(), answer.stop()), ("ABC.", Some(Stop::End)));
//! # Ok::<(), candle_core::Error>(())
//! ```

mod generation;
mod sampler;
mod text;

pub use generation::{Generation, Stop};
pub use sampler::{Sampler, Sampling};
pub use text::TextStream;
