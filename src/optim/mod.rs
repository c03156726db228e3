//! Optimisers: groups of tensors with learning rates of their own, clipping, and the step.

mod clip;
mod groups;

pub use clip::clip;
pub use groups::{AdamW, Groups};
