//! A LoRA out of a full fine-tune.
//!
//! Eckart and Young 1936. `deltaw::linalg::svd` is the decomposition itself.

use candle_core::{Result, Tensor};

/// The factors `A` (r, d_in) and `B` (d_out, r) whose product is the best approximation of rank `r`.
///
/// `u` is (d_out, m), `sigma` has m values, largest first, `vt` is (m, d_in).
pub fn extract(u: &Tensor, sigma: &[f64], vt: &Tensor, r: usize) -> Result<(Tensor, Tensor)> {
    if r > sigma.len() {
        candle_core::bail!("rank {r}: there are only {} directions", sigma.len())
    }
    let roots = Tensor::from_iter(sigma[..r].iter().map(|value| value.sqrt()), u.device())?.to_dtype(u.dtype())?;
    // A direction is a column of U and a row of Vᵀ, so each is cut, and scaled, along another dimension.
    let b = u.narrow(1, 0, r)?.broadcast_mul(&roots)?;
    let a = vt.narrow(0, 0, r)?.broadcast_mul(&roots.reshape((r, 1))?)?;
    Ok((a, b))
}

/// Frobenius' norm of what rank `r` leaves out.
pub fn frobenius_error(sigma: &[f64], r: usize) -> f64 {
    // The directions are orthogonal, so the squares of what is left add up.
    sigma.iter().skip(r).map(|value| value * value).sum::<f64>().sqrt()
}

/// Spectral norm of what rank `r` leaves out.
pub fn spectral_error(sigma: &[f64], r: usize) -> f64 {
    // The strongest direction that is left. `sigma[r]` is σ_{r+1}: Rust counts from zero.
    sigma.get(r).copied().unwrap_or(0.0)
}
