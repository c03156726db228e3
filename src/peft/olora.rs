//! OLoRA (Büyükakyüz 2024, arXiv 2406.01775, §3): LoRA that starts from an orthonormal basis of the weight's first directions.
//!
//! ```text
//! W₀ = Q R (reduced);   B₀ = first r columns of Q,   A₀ = first r rows of R,   W_res = W₀ − s · B₀ A₀        s = α / r
//! ```
//!
//! The function is unchanged at the start; B₀'s columns are orthonormal.

use candle_core::Result;
use ndarray::{Axis, Slice};

use super::{
    lora,
    residual::{Split, Start},
};
use crate::{
    linalg::{from_array, qr, to_array},
    model::Decoder,
};

/// OLoRA's start on `base`.
///
/// # Errors
/// As [`super::Lora::new`], or a rank is more than a weight has.
pub fn start(base: &Decoder, config: &lora::Config) -> Result<Start> {
    Start::new(base, config, |weight, rank, scale| {
        let (q, r) = qr(&to_array(weight)?)?;
        let a = from_array(&r.slice_axis(Axis(0), Slice::from(..rank)).to_owned(), weight.device())?;
        let b = from_array(&q.slice_axis(Axis(1), Slice::from(..rank)).to_owned(), weight.device())?;
        let residual = (weight - (b.matmul(&a)? * scale)?)?;
        Ok(Split { a, b, residual })
    })
}
