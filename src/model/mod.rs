//! The frozen LLaMA-style decoder and its five doors.
//!
//! The model knows no method of fine-tuning. A method opens one of the [`Doors`]; the model walks through whatever stands there.
//!
//! | door | where |
//! |---|---|
//! | [`prompt`](Doors::prompt) | the embedded input, before layer 0 |
//! | [`linear`](Doors::linear) | one projection `y = W x` at a [`Site`] |
//! | [`cache`](Doors::cache) | keys and values of one layer, after RoPE |
//! | [`sublayer`](Doors::sublayer) | the output of attention or MLP, before the residual sum |
//! | gradient | between `backward()` and the optimiser's step |
//!
//! Which method opens which door stands in [`crate::peft`].
//!
//! The fifth door is not in the forward pass: it is the list of gradients in [`crate::train`].

mod attention;
mod base;
mod bnb;
mod cache;
mod config;
mod decoder;
mod doors;
mod few;
mod files;
mod frozen;
mod fused;
mod gguf;
mod rope;
mod site;
pub mod tiny;
pub mod tokens;
mod trained;
mod weight;

pub use attention::Positions;
pub use base::{Base, ChatTemplate, Message, Options, SMOLLM2, Tokenizer, hub_directory, smollm2_file};
pub use cache::{KeyValues, KvCache, Span};
pub use config::Config;
pub(crate) use decoder::projection_shape;
pub use decoder::{Block, Decoder};
pub use doors::{Doors, Shut, Sublayer};
pub use files::{
    load_dir, one_line, read_dense, read_tensors, read_tensors_file, read_text, save_dir, save_like, write_tensors,
    write_whole,
};
pub use frozen::linear;
pub(crate) use fused::scale;
pub use site::{Projection, Site};
pub use weight::{FourBit, Stored, Weight};
