//! diagnosis: the gradient flows through the norm

use candle_core::{D, Result, Tensor};

pub fn row_norms(w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Tensor> {
    (w.detach() + (b.matmul(a)? * s)?)?.sqr()?.sum(D::Minus1)?.sqrt()
}

pub fn start(w: &Tensor) -> Result<Tensor> {
    w.sqr()?.sum(D::Minus1)?.sqrt()
}

pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, m: &Tensor, s: f64) -> Result<Tensor> {
    let v = (w.detach() + (b.matmul(a)? * s)?)?;
    x.matmul(&v.t()?)?.broadcast_mul(&m.div(&row_norms(w, a, b, s)?)?)
}
