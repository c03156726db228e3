//! The places where a method may act on the frozen model.

use candle_core::{Result, Tensor};

use super::{Site, Weight};

/// Which half of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sublayer {
    /// Attention.
    Attention,
    /// The MLP.
    Mlp,
}

/// What a method does at each door. Every default leaves the model as it is, so a method overrides the one door it opens.
pub trait Doors {
    /// The embedded input before layer 0, (batch, tokens, hidden). May prepend virtual tokens.
    ///
    /// # Errors
    /// The tensor operations of the method fail.
    fn prompt(&self, embedded: Tensor) -> Result<Tensor> {
        Ok(embedded)
    }

    /// One projection: frozen `weight` (out, in) applied to `x` (batch, tokens, in), giving (batch, tokens, out).
    ///
    /// # Errors
    /// The tensor operations of the method fail.
    fn linear(&self, site: Site, weight: &Weight, x: &Tensor) -> Result<Tensor> {
        let _ = site;
        weight.apply(x)
    }

    /// Keys and values of `layer` after RoPE, each (batch, key/value heads, tokens, head_dim). May prepend virtual positions.
    ///
    /// # Errors
    /// The tensor operations of the method fail.
    fn cache(&self, layer: usize, keys: Tensor, values: Tensor) -> Result<(Tensor, Tensor)> {
        let _ = layer;
        Ok((keys, values))
    }

    /// How many virtual positions [`cache`](Self::cache) prepends; real tokens start at this position.
    fn cached_positions(&self) -> usize {
        0
    }

    /// The output of a sublayer, `branch`, before it is added to its `residual`; both (batch, tokens, hidden).
    ///
    /// # Errors
    /// The tensor operations of the method fail.
    fn sublayer(&self, layer: usize, which: Sublayer, branch: Tensor, residual: &Tensor) -> Result<Tensor> {
        let _ = (layer, which, residual);
        Ok(branch)
    }
}

/// All doors shut: the base model itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shut;

impl Doors for Shut {}
