//! diagnosis: the division by the norm n is missing

use candle_core::{D, Result, Tensor};

pub fn row_norms(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    Ok((w + (b.matmul(a)? * s)?)?.sqr()?.sum(D::Minus1)?.sqrt()?.detach())
}

pub fn start(w: &Tensor) -> Result<Tensor> {
    w.sqr()?.sum(D::Minus1)?.sqrt()
}

pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, m: &Tensor, s: f64) -> Result<Tensor> {
    let v = (w.detach() + (b.matmul(a)? * s)?)?;
    x.matmul(&v.t()?)?.broadcast_mul(m)
}
