//! DoRA's magnitude and norm.
//!
//! Liu et al. 2024 (arXiv 2402.09353), equations 5 and 11. `deltaw::peft::dora` is the same on a whole decoder.

use candle_core::{D, Result, Tensor};

/// The norm of each row of `W₀ + s · B A`, (d_out), through which no gradient flows.
///
/// `w` is (d_out, d_in), `a` (r, d_in), `b` (d_out, r).
pub fn row_norms(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    // Detached: §4.3 holds the norm constant, which saves the memory of a second path through V and costs little accuracy.
    weight(w, a, b, s)?.sqr()?.sum(D::Minus1)?.sqrt()?.detach().contiguous()
}

/// The magnitude, (d_out), with which a fresh layer is the base.
pub fn start(w: &Tensor) -> Result<Tensor> {
    // With B = 0 the norms are those of W₀. m equal to them makes m / n one: a fresh layer is the base.
    w.sqr()?.sum(D::Minus1)?.sqrt()
}

/// `(m / n) ⊙ (V x)` for each row of `x`: (n, d_in) to (n, d_out).
pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, m: &Tensor, s: f64) -> Result<Tensor> {
    // One factor per output: it scales the columns of the result, whose rows are inputs.
    let ratio = m.div(&row_norms(w, a, b, s)?)?;
    x.matmul(&weight(w, a, b, s)?.t()?)?.broadcast_mul(&ratio)
}

/// V, with the base frozen.
fn weight(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    w.detach() + (b.matmul(a)? * s)?
}
