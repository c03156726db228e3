//! Examples side by side as tensors, or one after another in a row. Only the scored tokens count.

use candle_core::{Device, Result, Tensor, bail};

use super::Example;
use crate::{
    device::up,
    model::{Decoder, Doors, Positions, tokens},
};

/// A batch of token sequences with what is scored in them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Token ids (batch, tokens), short rows padded on the right; (1, tokens) if packed.
    pub ids: Tensor,
    /// Rows of the flattened (batch · tokens) logits whose next token is scored.
    pub rows: Tensor,
    /// The right next token for each of `rows`.
    pub targets: Tensor,
    /// Lengths of the sequences that are packed into one row; empty where each has a row of its own.
    pub packed: Vec<usize>,
}

impl Batch {
    /// Builds a batch from (prompt, answer) pairs of the tiny base.
    ///
    /// # Errors
    /// A character is outside the vocabulary.
    pub fn new(examples: &[(String, String)], device: &Device) -> Result<Self> {
        let encode =
            |(prompt, answer): &(String, String)| Ok(Example::answer(tokens::encode(prompt)?, tokens::encode(answer)?));
        let examples = examples.iter().map(encode).collect::<Result<Vec<_>>>()?;
        Self::padded(&examples.iter().collect::<Vec<_>>(), tokens::PAD, device)
    }

    /// A row for each example, filled up with `pad`.
    ///
    /// # Errors
    /// The device has no room.
    pub fn padded(examples: &[&Example], pad: u32, device: &Device) -> Result<Self> {
        let width = examples.iter().map(|example| example.read()).max().unwrap_or(0);
        let (mut ids, mut rows, mut targets) = (Vec::<u32>::new(), Vec::<u32>::new(), Vec::<u32>::new());
        for (row, example) in examples.iter().enumerate() {
            ids.extend(&example.ids[..example.read()]);
            ids.resize((row + 1) * width, pad);
            example.score(row * width, &mut rows, &mut targets);
        }
        Ok(Self {
            ids: up(ids, (examples.len(), width), device)?,
            rows: list(rows, device)?,
            targets: list(targets, device)?,
            packed: Vec::new(),
        })
    }

    /// All examples one after another in one row, without padding; attention stays within each.
    ///
    /// # Errors
    /// The device has no room.
    pub fn packed(examples: &[&Example], device: &Device) -> Result<Self> {
        let (mut ids, mut rows, mut targets) = (Vec::<u32>::new(), Vec::<u32>::new(), Vec::<u32>::new());
        for example in examples {
            example.score(ids.len(), &mut rows, &mut targets);
            ids.extend(&example.ids[..example.read()]);
        }
        let count = ids.len();
        Ok(Self {
            ids: up(ids, (1, count), device)?,
            rows: list(rows, device)?,
            targets: list(targets, device)?,
            packed: examples.iter().map(|example| example.read()).collect(),
        })
    }

    /// Number of scored tokens.
    #[must_use]
    pub fn scored(&self) -> usize {
        self.targets.elem_count()
    }

    /// Angles and mask for this batch after the `prompt` door made `x` (batch, tokens, hidden) of it.
    ///
    /// # Errors
    /// The batch is packed and the doors add virtual positions.
    pub fn positions(&self, model: &Decoder, doors: &dyn Doors, x: &Tensor) -> Result<Positions> {
        if self.packed.is_empty() {
            return model.positions(x.dim(1)?, doors);
        }
        if x.dim(1)? != self.ids.dim(1)? {
            bail!("sequences cannot be packed behind virtual tokens: only the first would have them");
        }
        model.packed_positions(&self.packed, doors)
    }

    /// Logits (scored, vocab) at the scored rows.
    ///
    /// # Errors
    /// The doors' tensors do not fit the model.
    pub fn logits(&self, model: &Decoder, doors: &dyn Doors) -> Result<Tensor> {
        model.head_rows(&self.through(model, doors)?, self.ids.dim(1)?, &self.rows)
    }

    /// Mean cross entropy of the scored tokens, in nats; a scalar that can be differentiated.
    ///
    /// # Errors
    /// The doors' tensors do not fit the model.
    pub fn loss(&self, model: &Decoder, doors: &dyn Doors) -> Result<Tensor> {
        model.head_loss(&self.through(model, doors)?, self.ids.dim(1)?, &self.rows, &self.targets)
    }

    /// The residual stream after all blocks, (batch, positions, hidden).
    fn through(&self, model: &Decoder, doors: &dyn Doors) -> Result<Tensor> {
        let mut x = model.embed(&self.ids, doors)?;
        let at = self.positions(model, doors, &x)?;
        for layer in 0..model.config().num_hidden_layers {
            x = model.block(layer, &x, &at, doors)?;
        }
        Ok(x)
    }
}

fn list(values: Vec<u32>, device: &Device) -> Result<Tensor> {
    let count = values.len();
    up(values, count, device)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_scored_positions_are_those_before_each_answer_token() {
        let pairs = [("up:ab>".to_owned(), "AB.".to_owned()), ("up:abc>".to_owned(), "ABC.".to_owned())];
        let batch = Batch::new(&pairs, &Device::Cpu).unwrap();
        assert_eq!(batch.ids.dims(), [2, 10]);
        assert_eq!(tokens::decode(&batch.ids.to_vec2::<u32>().unwrap()[0]), "up:ab>AB");
        assert_eq!(batch.rows.to_vec1::<u32>().unwrap(), [5, 6, 7, 16, 17, 18, 19]);
        assert_eq!(tokens::decode(&batch.targets.to_vec1::<u32>().unwrap()), "AB.ABC.");
    }

    #[test]
    fn a_packed_row_has_no_padding_and_scores_the_same_tokens() {
        let encode = |text: &str| tokens::encode(text).unwrap();
        let (a, b) =
            (Example::answer(encode("up:ab>"), encode("AB.")), Example::answer(encode("up:abc>"), encode("ABC.")));
        let batch = Batch::packed(&[&a, &b], &Device::Cpu).unwrap();
        assert_eq!((batch.ids.dims(), &batch.packed[..]), (&[1, 18][..], &[8, 10][..]));
        assert_eq!(batch.rows.to_vec1::<u32>().unwrap(), [5, 6, 7, 14, 15, 16, 17]);
        assert_eq!(tokens::decode(&batch.targets.to_vec1::<u32>().unwrap()), "AB.ABC.");
    }
}
