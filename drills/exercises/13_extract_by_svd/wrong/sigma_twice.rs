//! diagnosis: stands in both factors

use candle_core::{Device::Cpu, Result, Tensor, bail};

pub fn extract(u: &Tensor, sigma: &[f64], vt: &Tensor, r: usize) -> Result<(Tensor, Tensor)> {
    if r > sigma.len() {
        bail!("rank")
    }
    let roots = Tensor::from_iter(sigma[..r].iter().map(|v| *v as f32), &Cpu)?;
    let b = u.narrow(1, 0, r)?.broadcast_mul(&roots)?;
    Ok((vt.narrow(0, 0, r)?.broadcast_mul(&roots.reshape((r, 1))?)?, b))
}

pub fn frobenius_error(sigma: &[f64], r: usize) -> f64 {
    sigma.iter().skip(r).map(|v| v * v).sum::<f64>().sqrt()
}

pub fn spectral_error(sigma: &[f64], r: usize) -> f64 {
    sigma.get(r).copied().unwrap_or(0.0)
}
