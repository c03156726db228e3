//! diagnosis: the scale s is applied twice

use candle_core::{Result, Tensor};

pub struct Gradients {
    pub x: Tensor,
    pub a: Tensor,
    pub b: Tensor,
}

pub fn backward(x: &Tensor, g: &Tensor, w: &Tensor, a: &Tensor, b: &Tensor, s: f64) -> Result<Gradients> {
    let (low, back) = ((x.matmul(&a.t()?)? * s)?, (g.matmul(b)? * s)?);
    let through = (g.matmul(w)? + back.matmul(a)?)?;
    Ok(Gradients { x: through, a: (back.t()?.matmul(x)? * s)?, b: (g.t()?.matmul(&low)? * s)? })
}
