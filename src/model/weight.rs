//! A frozen weight: dense, in four bits, or as a GGUF file stores it. Whoever multiplies by it cannot tell which.

mod blocks;
mod four_bit;
mod stored;
mod tiled;

use std::{fmt, sync::Arc};

use candle_core::{DType, Device, Result, Tensor, bail};

pub use four_bit::FourBit;
pub use stored::Stored;

use super::{frozen::linear, fused::row_norms};
use crate::{
    device::{Precision, down},
    quant::{Codebook, Quantised, quantise},
};

/// Weights that share a scale.
const BLOCK: usize = 64;

/// A matrix (out, in) that is multiplied by.
#[derive(Clone)]
pub enum Weight {
    /// In f32, bf16 or f16.
    Dense(Tensor),
    /// In four bits, row by row.
    FourBit(Arc<FourBit>),
    /// In blocks of a GGUF file.
    Stored(Stored),
}

impl From<Tensor> for Weight {
    fn from(weight: Tensor) -> Self {
        Self::Dense(weight)
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dense(weight) => weight.fmt(f),
            Self::FourBit(weight) => weight.fmt(f),
            Self::Stored(weight) => weight.fmt(f),
        }
    }
}

impl Weight {
    /// Quantises a dense matrix to NF4 in blocks of 64; `double` also its scales.
    ///
    /// # Errors
    /// It is no matrix, or an entry is not finite.
    pub fn nf4(weight: &Tensor, double: bool) -> Result<Self> {
        let shape = weight.dims2()?;
        let values = down::<f32>(&weight.to_dtype(DType::F32)?)?;
        let numbers = quantise(&values, BLOCK, &Codebook::nf4())?;
        let numbers = if double { numbers.double() } else { numbers };
        Ok(Self::FourBit(Arc::new(FourBit::new(numbers, shape, weight.device().clone()))))
    }

    /// A stored quantised matrix.
    ///
    /// # Errors
    /// The numbers do not fill the shape.
    pub fn from_quantised(numbers: Quantised, shape: (usize, usize), device: &Device) -> Result<Self> {
        match shape.0.checked_mul(shape.1) {
            Some(count) if count == numbers.count() => {
                Ok(Self::FourBit(Arc::new(FourBit::new(numbers, shape, device.clone()))))
            }
            _ => bail!("{} numbers do not fill a matrix {shape:?}", numbers.count()),
        }
    }

    /// A four-bit weight whose products are in `precision`, as [`FourBit::computing_in`] says; none if it is not in four bits.
    #[must_use]
    pub fn computing_in(&self, precision: Precision) -> Option<Self> {
        match self {
            Self::FourBit(weight) => Some(Self::FourBit(Arc::new(weight.computing_in(precision)))),
            Self::Dense(_) | Self::Stored(_) => None,
        }
    }

    /// (out, in).
    ///
    /// # Errors
    /// A dense weight is no matrix.
    pub fn dims2(&self) -> Result<(usize, usize)> {
        match self {
            Self::Dense(weight) => weight.dims2(),
            Self::FourBit(weight) => Ok(weight.shape()),
            Self::Stored(weight) => Ok(weight.shape()),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        match self {
            Self::Dense(weight) => weight.device(),
            Self::FourBit(weight) => weight.device(),
            Self::Stored(weight) => weight.device(),
        }
    }

    /// The quantised numbers, if it is in NF4.
    #[must_use]
    pub fn quantised(&self) -> Option<&Quantised> {
        match self {
            Self::Dense(_) | Self::Stored(_) => None,
            Self::FourBit(weight) => Some(weight.numbers()),
        }
    }

    /// Number of entries.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Dense(weight) => weight.elem_count(),
            Self::FourBit(weight) => weight.numbers().count(),
            Self::Stored(weight) => weight.shape().0 * weight.shape().1,
        }
    }

    /// Bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Dense(weight) => weight.elem_count() * weight.dtype().size_in_bytes(),
            Self::FourBit(weight) => weight.numbers().bytes(),
            Self::Stored(weight) => weight.bytes(),
        }
    }

    /// The dense matrix in f32; a quantised weight is dequantised as a whole for it.
    ///
    /// # Errors
    /// The device has no room.
    pub fn dense(&self) -> Result<Tensor> {
        match self {
            Self::Dense(weight) => weight.to_dtype(DType::F32),
            Self::FourBit(weight) => weight.dense_in(Precision::F32),
            Self::Stored(weight) => weight.dense(),
        }
    }

    /// The same in `precision`; NF4 comes out of its four bits in that type.
    ///
    /// # Errors
    /// The device has no room.
    pub fn dense_in(&self, precision: Precision) -> Result<Tensor> {
        match self {
            Self::Dense(_) | Self::Stored(_) => self.dense()?.to_dtype(precision.dtype()),
            Self::FourBit(weight) => weight.dense_in(precision),
        }
    }

    /// `W x` for the last dimension of `x` (…, in).
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Dense(weight) => linear(x, weight),
            Self::FourBit(weight) => weight.apply(x),
            Self::Stored(weight) => weight.apply(x),
        }
    }

    /// Euclidean norm of each row of `W + update`, (out); without a gradient, tile by tile.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn row_norms_with(&self, update: &Tensor) -> Result<Tensor> {
        match self {
            Self::Dense(weight) => row_norms(&weight.to_dtype(DType::F32)?, update),
            Self::Stored(weight) => row_norms(&weight.dense()?, update),
            Self::FourBit(weight) => weight.row_norms_with(update),
        }
    }
}
