//! Two adapters as one.
//!
//! PEFT's `add_weighted_adapter` with `combination_type="cat"` does the same.

use candle_core::{Result, Tensor, bail};

/// An adapter of one matrix.
pub struct Adapter {
    /// (r, d_in)
    pub a: Tensor,
    /// (d_out, r)
    pub b: Tensor,
    /// The scale is alpha over r.
    pub alpha: f64,
}

/// `A` and `B` with `B A = Σ w · (alpha / r) · B_i A_i`, of rank Σ r.
pub fn compose(parts: &[(f64, Adapter)]) -> Result<(Tensor, Tensor)> {
    if parts.is_empty() {
        bail!("there is nothing to compose")
    }
    let a: Vec<&Tensor> = parts.iter().map(|(_, part)| &part.a).collect();
    // Weight and scale once, in B: in both factors they would be squared.
    let b = parts.iter().map(|(weight, part)| &part.b * (weight * part.alpha / part.a.dim(0)? as f64));
    // A block row times a block column is the sum of the blocks' products: no block of B meets another adapter's A.
    Ok((Tensor::cat(&a, 0)?, Tensor::cat(&b.collect::<Result<Vec<_>>>()?, 1)?))
}

/// What the sum of factors has more than the sum of products, (d_out, d_in), for adapters of equal rank; scales apart.
pub fn cross_terms(one: &Adapter, other: &Adapter) -> Result<Tensor> {
    one.b.matmul(&other.a)? + other.b.matmul(&one.a)?
}
