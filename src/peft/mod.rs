//! One file per method of fine-tuning. Each opens with its formula, its shapes and its paper.

pub mod dora;
pub mod full;
pub mod hub;
pub mod ia3;
pub mod lora;
mod merge;
pub mod prefix;
pub mod prompt;
pub mod vera;

pub use dora::Dora;
pub use full::Full;
pub use ia3::Ia3;
pub use lora::Lora;
pub use merge::{Mergeable, merge};
pub use prefix::Prefix;
pub use prompt::Prompt;
pub use vera::Vera;
