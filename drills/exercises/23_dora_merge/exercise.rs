//! DoRA merged, and its gradient.

use candle_core::{Result, Tensor};

/// `W' = diag(m / c) (W₀ + s · B A)`: `w` (d_out, d_in), `a` (r, d_in), `b` (d_out, r), `m` (d_out).
pub fn merged(w: &Tensor, a: &Tensor, b: &Tensor, m: &Tensor, s: f64) -> Result<Tensor> {
    todo!()
}

/// The gradient by m, (d_out), from `g`, that by W', and `v`, both (d_out, d_in).
pub fn magnitude_gradient(g: &Tensor, v: &Tensor) -> Result<Tensor> {
    todo!()
}

/// The gradient by V with the norms held constant.
pub fn direction_gradient(g: &Tensor, v: &Tensor, m: &Tensor) -> Result<Tensor> {
    todo!()
}

/// The gradient by V, norms included.
pub fn true_direction_gradient(g: &Tensor, v: &Tensor, m: &Tensor) -> Result<Tensor> {
    todo!()
}
