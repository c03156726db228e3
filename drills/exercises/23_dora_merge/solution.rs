//! DoRA merged, and its gradient.
//!
//! Liu et al. 2024 (arXiv 2402.09353) §4.1, §4.3.

use candle_core::{Result, Tensor};

/// `W' = diag(m / c) (W₀ + s · B A)`: `w` (d_out, d_in), `a` (r, d_in), `b` (d_out, r), `m` (d_out).
pub fn merged(w: &Tensor, a: &Tensor, b: &Tensor, m: &Tensor, s: f64) -> Result<Tensor> {
    let v = (w + (b.matmul(a)? * s)?)?;
    scale_rows(&v, m)
}

/// The gradient by m, (d_out), from `g`, that by W', and `v`, both (d_out, d_in).
pub fn magnitude_gradient(g: &Tensor, v: &Tensor) -> Result<Tensor> {
    // m_i reaches W' only as m_i times the unit row i.
    (g * unit(v)?)?.sum(1)
}

/// The gradient by V with the norms held constant.
pub fn direction_gradient(g: &Tensor, v: &Tensor, m: &Tensor) -> Result<Tensor> {
    g.broadcast_mul(&m.unsqueeze(1)?.div(&norms(v)?)?)
}

/// The gradient by V, norms included.
pub fn true_direction_gradient(g: &Tensor, v: &Tensor, m: &Tensor) -> Result<Tensor> {
    // Take out of each row of G what points along V: going that way only makes the row longer, which the norm undoes.
    let along = unit(v)?.broadcast_mul(&magnitude_gradient(g, v)?.unsqueeze(1)?)?;
    direction_gradient(&(g - along)?, v, m)
}

/// Norms of the rows, upright: (d_out, 1).
fn norms(v: &Tensor) -> Result<Tensor> {
    v.sqr()?.sum_keepdim(1)?.sqrt()
}

fn unit(v: &Tensor) -> Result<Tensor> {
    v.broadcast_div(&norms(v)?)
}

fn scale_rows(v: &Tensor, m: &Tensor) -> Result<Tensor> {
    unit(v)?.broadcast_mul(&m.unsqueeze(1)?)
}
