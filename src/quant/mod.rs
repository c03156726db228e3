//! Quantisation of frozen weights.

pub mod nf4;
