//! The forward pass of inference: the next tokens of several sequences, each with its cache.
//!
//! Tokens of all sequences stand in one row, so that each projection is one product; attention goes sequence by sequence. The operations
//! here are fused ones of candle, through which *no gradient flows*: [`Decoder::forward`] is the path that trains.

use std::ops::Range;

use candle_core::{Result, Tensor, bail};
use candle_nn::ops::{rms_norm, softmax_last_dim};

use super::{Block, Decoder, mlp};
use crate::device::up;
use crate::model::{
    Doors, Projection, Shut, Site, Span, Sublayer,
    rope::{Rope, causal_mask},
};

/// Where one sequence's tokens lie in the row of all, and what they see.
struct Place {
    rows: Range<usize>,
    /// The sequence begins here: the `prompt` and `cache` doors are open.
    fresh: bool,
    /// (tokens, keys); absent for a single token, which sees everything.
    mask: Option<Tensor>,
}

impl Decoder {
    /// Logits (spans, vocab) after the last token of each span; the spans' caches grow by their tokens.
    ///
    /// The `linear` and `sublayer` doors see x (1, tokens of all spans, features), in the order of the spans; the `prompt` and `cache`
    /// doors act, sequence by sequence, on those whose cache is empty. The result carries no gradient.
    ///
    /// # Errors
    /// A span is empty or passes the context, an id is outside the vocabulary, or a door's tensors do not fit.
    pub fn extend(&self, spans: &mut [Span<'_>], doors: &dyn Doors) -> Result<Tensor> {
        let (mut embedded, mut places, mut positions, mut start) = (vec![], vec![], vec![], 0);
        for span in spans.iter() {
            let fresh = span.cache.is_empty();
            if span.ids.is_empty() {
                bail!("there is no token to go on from");
            }
            let ids = up(span.ids.to_vec(), (1, span.ids.len()), self.device())?;
            let x = self.embed(&ids, if fresh { doors } else { &Shut })?;
            let (before, tokens) = (if fresh { doors.cached_positions() } else { span.cache.len() }, x.dim(1)?);
            if before + tokens > self.config.context() {
                bail!("{} tokens pass the model's context of {}", before + tokens, self.config.context());
            }
            let mask = match tokens {
                1 => None,
                _ => Some(causal_mask(before, tokens, x.dtype(), self.device())?),
            };
            positions.extend(before..before + tokens);
            places.push(Place { rows: start..start + tokens, fresh, mask });
            embedded.push(x);
            start += tokens;
        }
        let rope = Rope::at(self.config.rope_theta, self.config.head_dim(), positions, self.device())?;
        let mut x = Tensor::cat(&embedded, 1)?.detach();
        let eps = self.config.rms_norm_eps as f32;
        for (layer, block) in self.blocks.iter().enumerate() {
            let normed = rms_norm(&x, &block.attention_norm, eps)?;
            let branch = self.attend_cached(layer, block, &normed, &rope, (spans, &places), doors)?;
            x = (doors.sublayer(layer, Sublayer::Attention, branch, &x)? + &x)?.detach();
            let branch = mlp(layer, block, &rms_norm(&x, &block.mlp_norm, eps)?, doors)?;
            // A method's variables would otherwise keep the graph of all layers alive.
            x = (doors.sublayer(layer, Sublayer::Mlp, branch, &x)? + &x)?.detach();
        }
        let last: Vec<u32> = places.iter().map(|place| place.rows.end as u32 - 1).collect();
        let x = x.squeeze(0)?.index_select(&up(last, spans.len(), self.device())?, 0)?;
        Ok(self.project(&rms_norm(&x, &self.norm, eps)?)?.detach())
    }

    /// Attention of every span over its own positions, for the normalised residual stream `x` (1, tokens, hidden).
    fn attend_cached(
        &self,
        layer: usize,
        block: &Block,
        x: &Tensor,
        rope: &Rope,
        (spans, places): (&mut [Span<'_>], &[Place]),
        doors: &dyn Doors,
    ) -> Result<Tensor> {
        let [wq, wk, wv, wo, ..] = &block.projections;
        let (kv_heads, width) = (self.config.num_key_value_heads, self.config.head_dim());
        let tokens = x.dim(1)?;
        let project = |projection, weight, x: &Tensor| doors.linear(Site { layer, projection }, weight, x);
        let heads = |x: Tensor| x.reshape((1, tokens, (), width));
        let q = rope.apply_fused(&heads(project(Projection::Q, wq, x)?)?)?.squeeze(0)?;
        let k = rope.apply_fused(&heads(project(Projection::K, wk, x)?)?)?.squeeze(0)?;
        let v = heads(project(Projection::V, wv, x)?)?.squeeze(0)?;

        let mut mixed = Vec::with_capacity(spans.len());
        for (span, place) in spans.iter_mut().zip(places) {
            let own = |x: &Tensor| x.narrow(0, place.rows.start, place.rows.len())?.transpose(0, 1)?.contiguous();
            let (mut keys, mut values) = (own(&k)?, own(&v)?);
            if place.fresh {
                (keys, values) = doors.cache(layer, keys.unsqueeze(0)?, values.unsqueeze(0)?)?;
                (keys, values) = (keys.squeeze(0)?, values.squeeze(0)?);
            }
            let (keys, values) = span.cache.append(layer, &keys.detach(), &values.detach())?;
            mixed.push(attend(&own(&q)?, kv_heads, &keys, &values, place.mask.as_ref())?);
        }
        project(Projection::O, wo, &Tensor::cat(&mixed, 0)?.unsqueeze(0)?)
    }
}

/// `softmax(q kᵀ / √n + mask) v` for q (heads, t, n), k and v (kv_heads, s, n), mask (t, s); gives (t, heads · n).
fn attend(q: &Tensor, kv_heads: usize, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let (heads, tokens, width) = q.dims3()?;
    let group = heads / kv_heads;
    // Query heads of one group become rows of one product, so that keys and values need no copies.
    let q = (q.reshape((kv_heads, group * tokens, width))? / (width as f64).sqrt())?;
    let mut scores = q.matmul(&k.t()?)?;
    if let Some(mask) = mask {
        let shape = scores.shape().clone();
        scores = scores.reshape((heads, tokens, ()))?.broadcast_add(mask)?.reshape(shape)?;
    }
    let mixed = softmax_last_dim(&scores)?.matmul(v)?;
    mixed.reshape((heads, tokens, width))?.transpose(0, 1)?.reshape((tokens, heads * width))
}
