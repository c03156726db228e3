//! diagnosis: the scale alpha/r is missing

use candle_core::{Result, Tensor};

pub fn forward(x: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, _alpha: f64) -> Result<Tensor> {
    x.matmul(&w.detach().t()?)? + x.matmul(&a.t()?)?.matmul(&b.t()?)?
}

pub fn delta(a: &Tensor, b: &Tensor, _alpha: f64) -> Result<Tensor> {
    b.matmul(a)
}
