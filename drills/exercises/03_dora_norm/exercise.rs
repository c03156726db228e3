//! DoRA's magnitude and norm.

use candle_core::{Result, Tensor};

/// The norm of each row of `W₀ + s · B A`, (d_out), through which no gradient flows.
///
/// `w` is (d_out, d_in), `a` (r, d_in), `b` (d_out, r).
pub fn row_norms(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    todo!()
}

/// The magnitude, (d_out), with which a fresh layer is the base.
pub fn start(w: &Tensor) -> Result<Tensor> {
    todo!()
}

/// `(m / n) ⊙ (V x)` for each row of `x`: (n, d_in) to (n, d_out).
pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, m: &Tensor, s: f64) -> Result<Tensor> {
    todo!()
}
