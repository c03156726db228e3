//! diagnosis: down the columns

use candle_core::{Result, Tensor};

fn unit(v: &Tensor) -> Result<Tensor> {
    v.broadcast_div(&v.sqr()?.sum_keepdim(0)?.sqrt()?)
}

pub fn merged(w: &Tensor, a: &Tensor, b: &Tensor, m: &Tensor, s: f64) -> Result<Tensor> {
    unit(&(w + (b.matmul(a)? * s)?)?)?.broadcast_mul(&m.unsqueeze(1)?)
}

pub fn magnitude_gradient(g: &Tensor, v: &Tensor) -> Result<Tensor> {
    (g * unit(v)?)?.sum(1)
}

pub fn direction_gradient(g: &Tensor, v: &Tensor, m: &Tensor) -> Result<Tensor> {
    g.broadcast_mul(&m.unsqueeze(1)?)?.broadcast_div(&v.sqr()?.sum_keepdim(0)?.sqrt()?)
}

pub fn true_direction_gradient(g: &Tensor, v: &Tensor, m: &Tensor) -> Result<Tensor> {
    direction_gradient(g, v, m)
}
