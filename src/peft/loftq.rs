//! LoftQ (Li et al. 2023, arXiv 2310.08659, §3, algorithm 1): quantise the base and start LoRA so that together they are near the weight.
//!
//! ```text
//! B A = 0;   repeat T times:   Q = dequantise(NF4(W₀ − B A));   B A = best rank-r approximation of W₀ − Q
//! ```
//!
//! The base becomes Q; α = r, so that the scale is 1. W₀ ≈ Q + B A, closer than quantisation alone.

use candle_core::{Result, Tensor};

use super::{
    lora,
    pissa::principal,
    residual::{Split, Start},
};
use crate::{
    device::{down, up},
    model::Decoder,
    quant::{Codebook, quantise},
};

/// Weights that share one quantisation constant.
pub const BLOCK: usize = 64;

/// LoftQ's start on `base` after `iterations` rounds (the paper's T; 1 is PEFT's default). Its `alpha` is taken as the rank.
///
/// # Errors
/// As [`super::Lora::new`], a rank is more than a weight has, or the scale is not 1.
pub fn start(base: &Decoder, config: &lora::Config, iterations: usize) -> Result<Start> {
    Start::new(base, config, |weight, rank, scale| {
        if scale != 1.0 {
            candle_core::bail!(
                "LoftQ's factors hold the error itself: alpha must equal the rank (the scale is {scale})"
            );
        }
        let (a, b, residual) = split(weight, rank, iterations)?;
        Ok(Split { a, b, residual })
    })
}

/// Algorithm 1 on one weight (out, in): A (r, in), B (out, r) and Q (out, in).
///
/// # Errors
/// An entry is not finite, or a decomposition fails.
pub fn split(weight: &Tensor, rank: usize, iterations: usize) -> Result<(Tensor, Tensor, Tensor)> {
    let mut residual = quantised(weight)?;
    let (mut a, mut b) = principal(&(weight - &residual)?, rank)?;
    for _ in 1..iterations {
        residual = quantised(&(weight - b.matmul(&a)?)?)?;
        (a, b) = principal(&(weight - &residual)?, rank)?;
    }
    Ok((a, b, residual))
}

/// `weight` as it comes back from NF4.
fn quantised(weight: &Tensor) -> Result<Tensor> {
    let values = down::<f32>(weight)?;
    let numbers = quantise(&values, BLOCK, &Codebook::nf4())?;
    up(numbers.dequantise(), weight.shape(), weight.device())
}
