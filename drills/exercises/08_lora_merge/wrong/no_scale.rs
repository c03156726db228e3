//! diagnosis: the scale alpha/r is missing

use candle_core::{Result, Tensor};

pub struct Layer {
    pub w: Tensor,
    pub a: Tensor,
    pub b: Tensor,
    pub alpha: f64,
    pub merged: bool,
}

impl Layer {
    pub fn merge(&mut self) -> Result<()> {
        if !self.merged {
            self.w = (&self.w + self.b.matmul(&self.a)?)?;
            self.merged = true;
        }
        Ok(())
    }

    pub fn unmerge(&mut self) -> Result<()> {
        if self.merged {
            self.w = (&self.w - self.b.matmul(&self.a)?)?;
            self.merged = false;
        }
        Ok(())
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let w = if self.merged { self.w.clone() } else { (&self.w + self.b.matmul(&self.a)?)? };
        x.matmul(&w.t()?)
    }
}
