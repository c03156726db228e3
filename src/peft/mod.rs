//! One file per method of fine-tuning. Each opens with its formula, its shapes and its paper.

pub mod full;
pub mod lora;

pub use full::Full;
pub use lora::Lora;
