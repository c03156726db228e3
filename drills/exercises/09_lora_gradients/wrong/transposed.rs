//! diagnosis: transposed

use candle_core::{Result, Tensor};

pub struct Gradients {
    pub x: Tensor,
    pub a: Tensor,
    pub b: Tensor,
}

pub fn backward(x: &Tensor, g: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Gradients> {
    let (low, back) = (x.matmul(&a.t()?)?, (g.matmul(b)? * s)?);
    Ok(Gradients { x: (g.matmul(w)? + back.matmul(a)?)?, a: x.t()?.matmul(&back)?, b: (low.t()?.matmul(g)? * s)? })
}
