//! diagnosis: the norm is that of W₀ alone

use candle_core::{Result, Tensor};

fn norms(v: &Tensor) -> Result<Tensor> {
    v.sqr()?.sum_keepdim(1)?.sqrt()
}

pub fn merged(w: &Tensor, a: &Tensor, b: &Tensor, m: &Tensor, s: f64) -> Result<Tensor> {
    (w + (b.matmul(a)? * s)?)?.broadcast_div(&norms(w)?)?.broadcast_mul(&m.unsqueeze(1)?)
}

pub fn magnitude_gradient(g: &Tensor, v: &Tensor) -> Result<Tensor> {
    (g * v.broadcast_div(&norms(v)?)?)?.sum(1)
}

pub fn direction_gradient(g: &Tensor, v: &Tensor, m: &Tensor) -> Result<Tensor> {
    g.broadcast_mul(&m.unsqueeze(1)?)?.broadcast_div(&norms(v)?)
}

pub fn true_direction_gradient(g: &Tensor, v: &Tensor, m: &Tensor) -> Result<Tensor> {
    let unit = v.broadcast_div(&norms(v)?)?;
    let along = unit.broadcast_mul(&magnitude_gradient(g, v)?.unsqueeze(1)?)?;
    direction_gradient(&(g - along)?, v, m)
}
