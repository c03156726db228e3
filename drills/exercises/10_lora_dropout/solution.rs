//! Where LoRA's dropout goes.
//!
//! As in loralib and in PEFT's `LoraLayer`: on the input of A.

use candle_core::{Result, Tensor, bail};

/// `x ⊙ mask / (1 - p)`. An error unless `0 <= p < 1`.
pub fn dropped(x: &Tensor, mask: &Tensor, p: f64) -> Result<Tensor> {
    // At p = 1 nothing would be left to stand for the whole. The test is written so that NaN fails it too.
    if !(0.0..1.0).contains(&p) {
        bail!("dropout {p}: it must be at least 0 and less than 1")
    }
    (x * mask)? / (1.0 - p)
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
    // Only the adapter's input is thinned. The base keeps the whole x: it was trained without this dropout.
    let input = match dropout {
        Some((mask, p)) => dropped(x, mask, p)?,
        None => x.clone(),
    };
    let update = (input.matmul(&lora.a.t()?)?.matmul(&lora.b.t()?)? * lora.s)?;
    // A mask differs from input to input, so no single weight matrix does what training does. Without it, W₀ + s B A is exact.
    x.matmul(&w.t()?)? + update
}
