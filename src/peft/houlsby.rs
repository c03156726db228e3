//! Houlsby adapters (Houlsby et al. 2019, arXiv 1902.00751, §2): two bottlenecks a layer, after attention and after the MLP.
//!
//! ```text
//! h = r + y + a(y)          y the sublayer's output, r its residual, a(x) = W_up act(W_down x + b_down) + b_up
//! ```
//!
//! The paper also trains the layer's LayerNorms; the `adapters` library on LLaMA does not, nor does this. Trained: 2·(2·hidden·m + m + hidden)
//! numbers a layer.

use candle_core::Result;

use super::bottleneck::{Adapters, Config, Placement};
use crate::model::Decoder;

/// After both sublayers, reading the branch alone.
pub const PLACEMENT: Placement = Placement { attention: true, mlp: true, reads_residual: false };

/// Fresh Houlsby adapters.
///
/// # Errors
/// The bottleneck's width is zero.
pub fn new(base: &Decoder, config: &Config) -> Result<Adapters> {
    Adapters::new(base, "houlsby", PLACEMENT, config)
}
