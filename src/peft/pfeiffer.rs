//! Pfeiffer adapters (Pfeiffer et al. 2020, arXiv 2005.00247, §3 and appendix): one bottleneck a layer, after the MLP.
//!
//! ```text
//! h = r + y + a(y + r)          y the MLP's output, r its residual, a(x) = W_up act(W_down x + b_down) + b_up
//! ```
//!
//! In BERT the sum y + r passes the layer's LayerNorm before the adapter; LLaMA has none there. Trained: 2·hidden·m + m + hidden numbers
//! a layer, half of Houlsby's.

use candle_core::Result;

use super::bottleneck::{Adapters, Config, Placement};
use crate::model::Decoder;

/// After the MLP, reading branch and residual.
pub const PLACEMENT: Placement = Placement { attention: false, mlp: true, reads_residual: true };

/// Fresh Pfeiffer adapters.
///
/// # Errors
/// The bottleneck's width is zero.
pub fn new(base: &Decoder, config: &Config) -> Result<Adapters> {
    Adapters::new(base, "pfeiffer", PLACEMENT, config)
}
