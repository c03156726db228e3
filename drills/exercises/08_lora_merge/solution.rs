//! Merge and unmerge.
//!
//! Hu et al. 2021 (arXiv 2106.09685) §4.1. `deltaw merge` does this for a whole checkpoint.

use candle_core::{Result, Tensor};

/// A linear layer with a LoRA beside it or inside it.
pub struct Layer {
    /// (d_out, d_in); holds the update while `merged`.
    pub w: Tensor,
    /// (r, d_in)
    pub a: Tensor,
    /// (d_out, r)
    pub b: Tensor,
    /// alpha; the scale is alpha over r.
    pub alpha: f64,
    /// Whether `w` holds the update.
    pub merged: bool,
}

impl Layer {
    /// Puts the update into the weight, unless it is there.
    pub fn merge(&mut self) -> Result<()> {
        if !self.merged {
            self.w = (&self.w + self.delta()?)?;
            self.merged = true;
        }
        Ok(())
    }

    /// Takes the update out of the weight, if it is there.
    pub fn unmerge(&mut self) -> Result<()> {
        if self.merged {
            self.w = (&self.w - self.delta()?)?;
            self.merged = false;
        }
        Ok(())
    }

    /// The adapted layer on `x` (n, d_in), merged or not.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.matmul(&self.w.t()?)?;
        // A merged weight has the update in it already: one product, as in the base model.
        if self.merged {
            return Ok(y);
        }
        y + (x.matmul(&self.a.t()?)?.matmul(&self.b.t()?)? * self.scale()?)?
    }

    fn delta(&self) -> Result<Tensor> {
        self.b.matmul(&self.a)? * self.scale()?
    }

    fn scale(&self) -> Result<f64> {
        Ok(self.alpha / self.a.dim(0)? as f64)
    }
}
