//! diagnosis: the weights stand in both factors

use candle_core::{Result, Tensor, bail};

pub struct Adapter {
    pub a: Tensor,
    pub b: Tensor,
    pub alpha: f64,
}

pub fn compose(parts: &[(f64, Adapter)]) -> Result<(Tensor, Tensor)> {
    if parts.is_empty() {
        bail!("nothing")
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (weight, part) in parts {
        a.push((&part.a * *weight)?);
        b.push((&part.b * (weight * part.alpha / part.a.dim(0)? as f64))?);
    }
    Ok((Tensor::cat(&a, 0)?, Tensor::cat(&b, 1)?))
}

pub fn cross_terms(one: &Adapter, other: &Adapter) -> Result<Tensor> {
    one.b.matmul(&other.a)? + other.b.matmul(&one.a)?
}
