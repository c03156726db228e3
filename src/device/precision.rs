//! The type in which frozen weights are kept.
//!
//! ```text
//! y = f32( round(x) · Wᵀ )     W in bf16 or f16; x and y rounded to the same type, sums in f32: what a GPU's matrix units compute
//! ```
//!
//! W may also lie in four bits: it is rounded as it comes out of them. Only products with a frozen matrix are in that type. The residual stream, norms, attention, the adapters, their gradients and the
//! optimiser stay in f32, as in mixed precision training (Micikevicius et al. 2017, arXiv 1710.03740).

use std::{fmt, str::FromStr};

use candle_core::DType;

/// The type of frozen matrices: the embedding, the projections, the head.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits: 8 of exponent, 23 of fraction.
    #[default]
    F32,
    /// 16 bits: the range of f32 with 7 bits of fraction.
    Bf16,
    /// 16 bits: 10 of fraction, nothing beyond 65,504.
    F16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F16];

    /// candle's name for it.
    #[must_use]
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.dtype().as_str())
    }
}

/// There is no such type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no type of weights: write f32, bf16 or f16")]
pub struct UnknownPrecision(String);

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(text: &str) -> Result<Self, UnknownPrecision> {
        let found = Self::ALL.into_iter().find(|precision| precision.dtype().as_str() == text);
        found.ok_or_else(|| UnknownPrecision(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_type_is_read_by_its_name() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        assert!("fp16".parse::<Precision>().unwrap_err().to_string().contains("f32, bf16 or f16"));
    }
}
