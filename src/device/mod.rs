//! Where tensors are: which device computes, in which type weights are kept, and what crosses between device and host.
//!
//! | file | |
//! |---|---|
//! | `choice.rs` | `cpu`, `auto`, `cuda`, `cuda:1`: what a user asks for, and the device that comes of it |
//! | `precision.rs` | f32, bf16, f16: the type of frozen weights |
//! | `threads.rs` | which threads compute on the CPU |
//! | `transfers.rs` | the one place where numbers go to a device or come back; it counts them |
//!
//! Random numbers are drawn on the CPU, from a seed, and then moved: a run draws the same ones wherever it computes.

mod choice;
mod precision;
mod threads;
mod transfers;

pub use choice::{Choice, Opened, current, make_current};
pub use precision::{Precision, UnknownPrecision};
pub use threads::{SPIN_LIMIT, join_pool};
pub use transfers::{Transfers, down, scalar, up};
