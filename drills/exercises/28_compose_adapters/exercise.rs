//! Two adapters as one.

use candle_core::{Result, Tensor};

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
    todo!()
}

/// What the sum of factors has more than the sum of products, (d_out, d_in), for adapters of equal rank; scales apart.
pub fn cross_terms(one: &Adapter, other: &Adapter) -> Result<Tensor> {
    todo!()
}
