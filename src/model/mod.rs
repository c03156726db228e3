//! The frozen LLaMA-style decoder and its five doors.
//!
//! The model knows no method of fine-tuning. A method opens one of the [`Doors`]; the model walks through whatever stands there.
//!
//! | door | where | opened by |
//! |---|---|---|
//! | [`prompt`](Doors::prompt) | the embedded input, before layer 0 | prompt tuning |
//! | [`linear`](Doors::linear) | one projection `y = W x` at a [`Site`] | LoRA and its relatives, (IA)³ |
//! | [`cache`](Doors::cache) | keys and values of one layer, after RoPE | prefix tuning |
//! | [`sublayer`](Doors::sublayer) | the output of attention or MLP, before the residual sum | adapters |
//! | gradient | between `backward()` and the optimiser's step | GaLore; full fine-tuning leaves it open |
//!
//! The fifth door is not in the forward pass: it is the list of gradients in [`crate::train`].

mod attention;
mod config;
mod decoder;
mod doors;
mod files;
mod frozen;
mod norm;
mod rope;
mod site;
pub mod tiny;
pub mod tokens;

pub use config::Config;
pub(crate) use decoder::projection_shape;
pub use decoder::{Block, Decoder};
pub use doors::{Doors, Shut, Sublayer};
pub use files::{
    load_dir, one_line, read_tensors, read_tensors_file, read_text, read_weights, save_dir, save_like, write_tensors,
    write_whole,
};
pub use frozen::linear;
pub use site::{Projection, Site};
