//! diagnosis: cut instead of projected

use candle_core::{Result, Tensor};

pub fn parameters(start: &Tensor, p: &Tensor, z: &Tensor) -> Result<Tensor> {
    start + p.matmul(&z.unsqueeze(1)?)?.squeeze(1)?
}

pub fn step(p: &Tensor, z: &Tensor, gradient: &Tensor, rate: f64) -> Result<Tensor> {
    z - (gradient.narrow(0, 0, p.dim(1)?)? * rate)?
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
        z = step(p, &z, &gradient(&parameters(start, p, &z)?)?, rate)?;
    }
    Ok(z)
}
