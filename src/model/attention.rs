//! Grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245): several query heads share one key/value head.
//!
//! Shapes: b batch, t tokens, g query heads per key/value head, h key/value heads, n head_dim, s = prefix + t key positions.

use candle_core::{Result, Tensor};

use super::{Config, Doors, fused::softmax, rope::Rope};

/// What all layers of one forward pass share: the angles of RoPE, and who may look at whom.
pub struct Positions {
    pub(super) rope: Rope,
    /// (t, s).
    pub(super) mask: Tensor,
}

/// `softmax(q kᵀ / √n + mask) v` for projected `q` (b, t, g·h·n), `k` and `v` (b, t, h·n); gives (b, t, g·h·n).
pub(super) fn attend(
    config: &Config,
    layer: usize,
    [q, k, v]: [Tensor; 3],
    positions: &Positions,
    doors: &dyn Doors,
) -> Result<Tensor> {
    let (batch, tokens, _) = q.dims3()?;
    let (kv_heads, width) = (config.num_key_value_heads, config.head_dim());
    let group = config.num_attention_heads / kv_heads;
    let heads = |x: Tensor, count: usize| x.reshape((batch, tokens, count, width))?.transpose(1, 2);

    let q = positions.rope.apply(&heads(q, config.num_attention_heads)?)?;
    let k = positions.rope.apply(&heads(k, kv_heads)?)?;
    let (k, v) = doors.cache(layer, k, heads(v, kv_heads)?.contiguous()?)?;
    let keys = k.dim(2)?;

    // Query heads of one group become rows of one product, so that keys and values need no copies.
    let q = q.contiguous()?.reshape((batch * kv_heads, group * tokens, width))?;
    let k = k.contiguous()?.reshape((batch * kv_heads, keys, width))?;
    let v = v.contiguous()?.reshape((batch * kv_heads, keys, width))?;
    let scores = q.matmul(&k.t()?)?.reshape((batch * kv_heads * group, tokens, keys))?;
    let weights = softmax(&scores, &positions.mask, 1.0 / (width as f64).sqrt())?;
    let mixed = weights.reshape((batch * kv_heads, group * tokens, keys))?.matmul(&v)?;
    mixed.reshape((batch, kv_heads * group, tokens, width))?.transpose(1, 2)?.reshape((
        batch,
        tokens,
        kv_heads * group * width,
    ))
}
