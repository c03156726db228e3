//! A LoRA out of a full fine-tune.

use candle_core::{Result, Tensor};

/// The factors `A` (r, d_in) and `B` (d_out, r) whose product is the best approximation of rank `r`.
///
/// `u` is (d_out, m), `sigma` has m values, largest first, `vt` is (m, d_in).
pub fn extract(u: &Tensor, sigma: &[f64], vt: &Tensor, r: usize) -> Result<(Tensor, Tensor)> {
    todo!()
}

/// Frobenius' norm of what rank `r` leaves out.
pub fn frobenius_error(sigma: &[f64], r: usize) -> f64 {
    todo!()
}

/// Spectral norm of what rank `r` leaves out.
pub fn spectral_error(sigma: &[f64], r: usize) -> f64 {
    todo!()
}
