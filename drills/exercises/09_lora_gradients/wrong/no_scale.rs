//! diagnosis: the scale s is missing

use candle_core::{Result, Tensor};

pub struct Gradients {
    pub x: Tensor,
    pub a: Tensor,
    pub b: Tensor,
}

pub fn backward(x: &Tensor, g: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, _s: f64) -> Result<Gradients> {
    let (low, back) = (x.matmul(&a.t()?)?, g.matmul(b)?);
    Ok(Gradients { x: (g.matmul(w)? + back.matmul(a)?)?, a: back.t()?.matmul(x)?, b: g.t()?.matmul(&low)? })
}
