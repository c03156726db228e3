//! PiSSA (Meng et al. 2024, arXiv 2404.02948, §3): LoRA that starts from the largest singular values of the weight itself.
//!
//! ```text
//! W₀ = U S Vᵀ;   A₀ = diag(√(S_r / s)) V_rᵀ,   B₀ = U_r diag(√(S_r / s)),   W_res = W₀ − s · B₀ A₀        s = α / r
//! ```
//!
//! The function is unchanged at the start, but both factors have gradients at once, along the weight's principal directions.

use candle_core::{Result, Tensor};
use ndarray::{Axis, Slice};

use super::{
    lora,
    residual::{Split, Start},
};
use crate::{
    linalg::{from_array, svd, to_array},
    model::Decoder,
};

/// PiSSA's start on `base`.
///
/// # Errors
/// As [`super::Lora::new`], or a rank is more than a weight has.
pub fn start(base: &Decoder, config: &lora::Config) -> Result<Start> {
    Start::new(base, config, |weight, rank, scale| {
        let (a, b) = principal(weight, rank)?;
        let residual = (weight - b.matmul(&a)?)?;
        let root = scale.sqrt();
        Ok(Split { a: (a / root)?, b: (b / root)?, residual })
    })
}

/// The best rank-r approximation of `weight` (out, in) as `B A`, each factor with the roots of the singular values: A (r, in), B (out, r).
///
/// # Errors
/// An entry is not finite, or the decomposition fails.
pub(super) fn principal(weight: &Tensor, rank: usize) -> Result<(Tensor, Tensor)> {
    let parts = svd(&to_array(weight)?)?;
    let first = Slice::from(..rank);
    let roots = parts.s.slice_axis(Axis(0), first).mapv(f64::sqrt);
    let a = &parts.vt.slice_axis(Axis(0), first) * &roots.view().insert_axis(Axis(1));
    let b = &parts.u.slice_axis(Axis(1), first) * &roots;
    Ok((from_array(&a, weight.device())?, from_array(&b, weight.device())?))
}
