//! Four-bit weights and eight-bit states, as QLoRA (Dettmers et al. 2023, arXiv 2305.14314) and bitsandbytes have them.

mod block;
mod codebook;
mod dynamic;
pub mod nf4;

pub use block::{Quantised, Scales, quantise};
pub use codebook::Codebook;
pub use dynamic::{DynamicMap, EightBit};

/// An entry is NaN or infinite; four bits cannot hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {0} is not a finite number and cannot be quantised")]
pub struct NotFinite(
    /// Its index.
    pub usize,
);

impl From<NotFinite> for candle_core::Error {
    fn from(error: NotFinite) -> Self {
        Self::Msg(error.to_string())
    }
}
