//! Where LoRA's dropout goes.

use candle_core::{Result, Tensor};

/// `x ⊙ mask / (1 - p)`. An error unless `0 <= p < 1`.
pub fn dropped(x: &Tensor, mask: &Tensor, p: f64) -> Result<Tensor> {
    todo!()
}

/// The factors of a LoRA with their scale.
pub struct Lora {
    /// (r, d_in)
    pub a: Tensor,
    /// (d_out, r)
    pub b: Tensor,
    /// alpha / r
    pub s: f64,
}

/// The layer's output; `dropout` is the mask and p while training, and none when the model is evaluated.
pub fn forward(x: &Tensor, w: &Tensor, lora: &Lora, dropout: Option<(&Tensor, f64)>) -> Result<Tensor> {
    todo!()
}
