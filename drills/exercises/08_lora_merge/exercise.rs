//! Merge and unmerge.

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
        todo!()
    }

    /// Takes the update out of the weight, if it is there.
    pub fn unmerge(&mut self) -> Result<()> {
        todo!()
    }

    /// The adapted layer on `x` (n, d_in), merged or not.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        todo!()
    }
}
