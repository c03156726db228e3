//! Examples side by side as tensors. Only the answer's tokens are scored.

use candle_core::{Device, Result, Tensor};

use crate::model::tokens;

/// A batch of prompts with their answers.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Token ids (batch, tokens), short rows padded on the right.
    pub ids: Tensor,
    /// Rows of the flattened (batch · tokens) logits whose next token is scored.
    pub rows: Tensor,
    /// The right next token for each of `rows`.
    pub targets: Tensor,
}

impl Batch {
    /// Builds a batch from (prompt, answer) pairs.
    ///
    /// # Errors
    /// A character is outside the vocabulary.
    pub fn new(examples: &[(String, String)], device: &Device) -> Result<Self> {
        let mut encoded = Vec::with_capacity(examples.len());
        for (prompt, answer) in examples {
            encoded.push((tokens::encode(prompt)?, tokens::encode(answer)?));
        }
        // The last token predicts nothing that is scored, so it need not be read.
        let width = encoded.iter().map(|(prompt, answer)| prompt.len() + answer.len() - 1).max().unwrap_or(0);
        let (mut ids, mut rows, mut targets) = (Vec::<u32>::new(), Vec::<u32>::new(), Vec::<u32>::new());
        for (row, (prompt, answer)) in encoded.iter().enumerate() {
            let start = ids.len();
            ids.extend(prompt.iter().chain(answer).take(prompt.len() + answer.len() - 1));
            ids.resize(start + width, tokens::PAD);
            rows.extend((0..answer.len()).map(|i| (row * width + prompt.len() - 1 + i) as u32));
            targets.extend(answer);
        }
        Ok(Self {
            ids: Tensor::from_vec(ids, (encoded.len(), width), device)?,
            rows: Tensor::new(rows, device)?,
            targets: Tensor::new(targets, device)?,
        })
    }
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
}
