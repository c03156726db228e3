//! Static token vectors that ship: 128 numbers of 8 bits for each of some 27,600 tokens, distilled from all-MiniLM-L6-v2 by
//! `xtask/grader/distill.py` after model2vec's recipe (Minish Lab, <https://github.com/MinishLab/model2vec>). A text is the sum of its tokens' vectors, which carry
//! the weight of their rarity, brought to length 1. Order does not count.

use std::sync::OnceLock;

use candle_core::{DType, Device, Result, Tensor, bail, safetensors};

use super::{Encoder, wordpiece::WordPiece};

static VECTORS: &[u8] = include_bytes!("../../../../assets/grader/vectors.safetensors");
static VOCABULARY: &str = include_str!("../../../../assets/grader/vocabulary.txt");

/// The compact encoder.
#[derive(Debug)]
pub struct Vectors {
    pieces: WordPiece,
    /// [tokens, width], offset by 128.
    codes: Tensor,
    /// [tokens, 1].
    scales: Tensor,
}

impl Vectors {
    /// The encoder that ships, read when first needed; none where its asset cannot be read.
    #[must_use]
    pub fn shipped() -> Option<&'static Self> {
        static SHIPPED: OnceLock<Option<Vectors>> = OnceLock::new();
        SHIPPED.get_or_init(|| Self::read().ok()).as_ref()
    }

    fn read() -> Result<Self> {
        let mut tensors = safetensors::load_buffer(VECTORS, &Device::Cpu)?;
        let (Some(codes), Some(scales)) = (tensors.remove("codes"), tensors.remove("scales")) else {
            bail!("the vectors' file lacks `codes` or `scales`")
        };
        Ok(Self { pieces: WordPiece::new(VOCABULARY), codes, scales: scales.unsqueeze(1)? })
    }

    fn encode_one(&self, text: &str) -> Result<Tensor> {
        let ids = self.pieces.read(text);
        if ids.is_empty() {
            return Tensor::zeros(self.codes.dim(1)?, DType::F32, &Device::Cpu);
        }
        let count = ids.len();
        let ids = Tensor::from_vec(ids, count, &Device::Cpu)?;
        let rows = self.codes.index_select(&ids, 0)?.to_dtype(DType::F32)?.affine(1.0, -128.0)?;
        let sum = rows.broadcast_mul(&self.scales.index_select(&ids, 0)?)?.sum(0)?;
        let length = sum.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>()?.max(1e-9);
        sum.affine(f64::from(length).recip(), 0.0)
    }
}

impl Encoder for Vectors {
    fn encode(&self, texts: &[&str]) -> Result<Tensor> {
        let rows = texts.iter().map(|text| self.encode_one(text)).collect::<Result<Vec<_>>>()?;
        Tensor::stack(&rows, 0)
    }

    fn compact(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn like_meanings_are_near_and_other_ones_far() {
        let texts =
            ["the base model stays frozen", "the pretrained network is left fixed", "a recipe for lemon cake", "漢"];
        let vectors = Vectors::shipped().unwrap().encode(&texts).unwrap();
        let cosines = vectors.matmul(&vectors.t().unwrap()).unwrap().to_vec2::<f32>().unwrap();
        assert!((cosines[0][0] - 1.0).abs() < 1e-4, "{cosines:?}");
        assert!(cosines[0][1] > cosines[0][2] + 0.1, "{cosines:?}");
        assert_eq!(cosines[3], [0.0; 4]);
    }
}
