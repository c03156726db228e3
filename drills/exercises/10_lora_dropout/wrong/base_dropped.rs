//! diagnosis: the base's input is dropped too

use candle_core::{Result, Tensor, bail};

pub fn dropped(x: &Tensor, mask: &Tensor, p: f64) -> Result<Tensor> {
    if !(0.0..1.0).contains(&p) {
        bail!("p")
    }
    (x * mask)? / (1.0 - p)
}

pub struct Lora {
    pub a: Tensor,
    pub b: Tensor,
    pub s: f64,
}

pub fn forward(x: &Tensor, w: &Tensor, lora: &Lora, dropout: Option<(&Tensor, f64)>) -> Result<Tensor> {
    let x = match dropout {
        Some((mask, p)) => dropped(x, mask, p)?,
        None => x.clone(),
    };
    x.matmul(&w.t()?)? + (x.matmul(&lora.a.t()?)?.matmul(&lora.b.t()?)? * lora.s)?
}
