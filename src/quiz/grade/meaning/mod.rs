//! Sentences as vectors: how near in meaning an answer is to known wordings.
//!
//! Two encoders: static token vectors that ship (`vectors`), and a whole BERT encoder from a directory or the hub (`bert`). Both say only how
//! near two texts are, not which of them is right: a sentence and its negation are neighbours. So nearness is evidence among other evidence
//! in the head and never clears a contradiction that was detected.

mod bert;
mod vectors;
mod wordpiece;

use candle_core::{Result, Tensor};

pub use bert::Bert;
pub use vectors::Vectors;

use super::likeness::Target;

/// Turns texts into vectors.
pub trait Encoder: std::fmt::Debug + Send + Sync {
    /// One unit vector for each text, [texts, width]; a text without a known token is the null vector.
    ///
    /// # Errors
    /// The encoder's tensors do not fit each other.
    fn encode(&self, texts: &[&str]) -> Result<Tensor>;

    /// Whether this is the compact encoder that ships; each of the two has trees of its own.
    fn compact(&self) -> bool;
}

/// Known texts of one question with their vectors.
#[derive(Debug)]
pub(super) struct Meanings {
    targets: Vec<Target>,
    /// [width, texts].
    vectors: Tensor,
}

impl Meanings {
    pub(super) fn new(encoder: &dyn Encoder, texts: &[(Target, String)]) -> Result<Self> {
        let listed: Vec<&str> = texts.iter().map(|(_, text)| text.as_str()).collect();
        let vectors = encoder.encode(&listed)?.t()?.contiguous()?;
        Ok(Self { targets: texts.iter().map(|(target, _)| target.clone()).collect(), vectors })
    }

    /// The cosines of the known texts with each other, [texts, texts] row by row.
    pub(super) fn kernel(&self) -> Result<Vec<f32>> {
        self.vectors.t()?.matmul(&self.vectors)?.flatten_all()?.to_vec1()
    }

    /// The cosine of `answer` with each known text.
    pub(super) fn compare(&self, encoder: &dyn Encoder, answer: &str) -> Result<Vec<(&Target, f32)>> {
        let cosines = encoder.encode(&[answer])?.matmul(&self.vectors)?.squeeze(0)?.to_vec1::<f32>()?;
        Ok(self.targets.iter().zip(cosines).collect())
    }
}
