//! The forward pass in stages, for whoever stops between blocks or packs several sequences into a row.
//!
//! ```text
//! x = embed(ids)      x = block(0, x), block(1, x), …      logits = head_rows(x)
//! ```

use candle_core::{DType, Result, Tensor, bail};

use super::{Decoder, mlp};
use crate::model::{
    Doors, Positions, Sublayer,
    fused::rms_norm,
    rope::{Rope, causal_mask, packed_mask},
};

impl Decoder {
    /// The residual stream before the first block, (batch, tokens, hidden), with what the `prompt` door puts before it.
    ///
    /// # Errors
    /// An id is outside the vocabulary.
    pub fn embed(&self, ids: &Tensor, doors: &dyn Doors) -> Result<Tensor> {
        let (batch, tokens) = ids.dims2()?;
        let rows = self.embedding.index_select(&ids.flatten_all()?, 0)?.to_dtype(DType::F32)?;
        doors.prompt(rows.reshape((batch, tokens, ()))?)
    }

    /// Angles and mask for `tokens` positions (those of the `prompt` door counted).
    ///
    /// # Errors
    /// The device has no room.
    pub fn positions(&self, tokens: usize, doors: &dyn Doors) -> Result<Positions> {
        let prefix = doors.cached_positions();
        Ok(Positions {
            rope: Rope::new(self.config.rope_theta, self.config.head_dim(), prefix, tokens, self.device())?,
            mask: causal_mask(prefix, tokens, DType::F32, self.device())?,
        })
    }

    /// Angles and mask for sequences of these `lengths` one after another in a row: each token looks at its own sequence only. RoPE's scores
    /// depend on distances alone, so positions need not start again.
    ///
    /// # Errors
    /// The doors put virtual positions before the first sequence, which the others would not see.
    pub fn packed_positions(&self, lengths: &[usize], doors: &dyn Doors) -> Result<Positions> {
        if doors.cached_positions() > 0 {
            bail!("sequences cannot be packed behind a prefix: only the first would have it");
        }
        let tokens = lengths.iter().sum();
        Ok(Positions {
            rope: Rope::new(self.config.rope_theta, self.config.head_dim(), 0, tokens, self.device())?,
            mask: packed_mask(lengths, DType::F32, self.device())?,
        })
    }

    /// Block `layer` on the residual stream `x` (batch, tokens, hidden).
    ///
    /// # Errors
    /// There is no such block, or a door's tensors do not fit.
    pub fn block(&self, layer: usize, x: &Tensor, at: &Positions, doors: &dyn Doors) -> Result<Tensor> {
        let Some(block) = self.blocks.get(layer) else { bail!("the model has no block {layer}") };
        let branch = self.attention(layer, block, x, at, doors)?;
        let x = (doors.sublayer(layer, Sublayer::Attention, branch, x)? + x)?;
        let normed = rms_norm(&x, &block.mlp_norm, self.config.rms_norm_eps)?;
        let branch = mlp(layer, block, &normed, doors)?;
        doors.sublayer(layer, Sublayer::Mlp, branch, &x)? + &x
    }

    /// Final norm and logits (rows, vocab) of the residual stream `x` at chosen rows of the last `tokens` positions, flattened over the batch.
    ///
    /// # Errors
    /// A row is out of range.
    pub fn head_rows(&self, x: &Tensor, tokens: usize, rows: &Tensor) -> Result<Tensor> {
        self.project(&self.normed_rows(x, tokens, rows)?)
    }

    /// Mean cross entropy, in nats, of the same rows' logits against `targets` (rows), a scalar that can be differentiated. The logits are not
    /// kept.
    ///
    /// # Errors
    /// As [`Decoder::head_rows`], or a target is outside the vocabulary.
    pub fn head_loss(&self, x: &Tensor, tokens: usize, rows: &Tensor, targets: &Tensor) -> Result<Tensor> {
        self.project_loss(&self.normed_rows(x, tokens, rows)?, targets)
    }

    /// The residual stream after the final norm at chosen rows, (rows, hidden).
    fn normed_rows(&self, x: &Tensor, tokens: usize, rows: &Tensor) -> Result<Tensor> {
        let positions = x.dim(1)?;
        let real = x.narrow(1, positions - tokens, tokens)?.flatten(0, 1)?.index_select(rows, 0)?;
        rms_norm(&real, &self.norm, self.config.rms_norm_eps)
    }
}
