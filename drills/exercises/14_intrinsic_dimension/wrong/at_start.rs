//! diagnosis: always taken at θ₀

use candle_core::{Result, Tensor};

fn times(m: &Tensor, v: &Tensor) -> Result<Tensor> {
    m.matmul(&v.unsqueeze(1)?)?.squeeze(1)
}

pub fn parameters(start: &Tensor, p: &Tensor, z: &Tensor) -> Result<Tensor> {
    start + times(p, z)?
}

pub fn step(p: &Tensor, z: &Tensor, gradient: &Tensor, rate: f64) -> Result<Tensor> {
    z - (times(&p.t()?, gradient)? * rate)?
}

pub fn train(
    start: &Tensor,
    p: &Tensor,
    gradient: &dyn Fn(&Tensor) -> Result<Tensor>,
    rate: f64,
    steps: usize,
) -> Result<Tensor> {
    let mut z = Tensor::zeros(p.dim(1)?, p.dtype(), p.device())?;
    for _ in 0..steps {
        z = step(p, &z, &gradient(start)?, rate)?;
    }
    Ok(z)
}
