//! diagnosis: merged twice

use candle_core::{Result, Tensor};

pub struct Layer {
    pub w: Tensor,
    pub a: Tensor,
    pub b: Tensor,
    pub alpha: f64,
    pub merged: bool,
}

impl Layer {
    fn delta(&self) -> Result<Tensor> {
        self.b.matmul(&self.a)? * (self.alpha / self.a.dim(0)? as f64)
    }

    pub fn merge(&mut self) -> Result<()> {
        self.w = (&self.w + self.delta()?)?;
        self.merged = true;
        Ok(())
    }

    pub fn unmerge(&mut self) -> Result<()> {
        if self.merged {
            self.w = (&self.w - self.delta()?)?;
            self.merged = false;
        }
        Ok(())
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let w = if self.merged { self.w.clone() } else { (&self.w + self.delta()?)? };
        x.matmul(&w.t()?)
    }
}
