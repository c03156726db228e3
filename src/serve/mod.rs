//! Serving many adapters on one base.
//!
//! | way | what it costs |
//! |---|---|
//! | merged: a dense model per task | nothing a token; a copy of the adapted weights per adapter, and no batch across adapters |
//! | [`batched`](Batch): one forward pass whose rows have different adapters | a low-rank update a row; all rows share the base's product |
//!
//! The batched way stands behind the `linear` door of the model, on [`kernels`]; factors lie in [`page`]s.

mod batch;
pub mod kernels;
mod packed;
pub mod page;

pub use batch::Batch;
pub use packed::Packed;
