//! A frozen weight: dense, in four bits, or as a GGUF file stores it. Whoever multiplies by it cannot tell which.

mod blocks;
mod stored;
mod tiled;

use std::{fmt, sync::Arc};

use candle_core::{DType, Device, Result, Tensor, bail};

pub use stored::Stored;
use tiled::{Tiled, tiles};

use super::frozen::linear;
use crate::{
    device::down,
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

/// A quantised matrix.
pub struct FourBit {
    numbers: Quantised,
    shape: (usize, usize),
    device: Device,
    /// The same on a GPU, from its first use.
    #[cfg(feature = "cuda")]
    on_gpu: std::sync::OnceLock<Arc<crate::kernels::Nf4>>,
}

impl FourBit {
    fn new(numbers: Quantised, shape: (usize, usize), device: Device) -> Self {
        Self {
            numbers,
            shape,
            device,
            #[cfg(feature = "cuda")]
            on_gpu: std::sync::OnceLock::new(),
        }
    }

    /// The dense matrix.
    fn dense(&self) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if let Some(on_gpu) = self.on_gpu()? {
            return on_gpu.dense();
        }
        self.rows(0, self.shape.0, &self.device)
    }

    /// `W x`.
    fn apply(self: &Arc<Self>, x: &Tensor) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if let Some(on_gpu) = self.on_gpu()? {
            return crate::kernels::apply(on_gpu, x);
        }
        tiled::apply(self, x)
    }

    /// The matrix on its GPU, if that is where it belongs.
    #[cfg(feature = "cuda")]
    fn on_gpu(&self) -> Result<Option<&Arc<crate::kernels::Nf4>>> {
        let Device::Cuda(gpu) = &self.device else { return Ok(None) };
        if self.on_gpu.get().is_none() {
            let copied = crate::kernels::Nf4::new(&self.numbers, self.shape, gpu)?;
            // Another thread may have been first; its copy is as good.
            let _ = self.on_gpu.set(Arc::new(copied));
        }
        Ok(self.on_gpu.get())
    }
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
            Self::FourBit(weight) => write!(f, "FourBit[{}, {}]", weight.shape.0, weight.shape.1),
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

    /// (out, in).
    ///
    /// # Errors
    /// A dense weight is no matrix.
    pub fn dims2(&self) -> Result<(usize, usize)> {
        match self {
            Self::Dense(weight) => weight.dims2(),
            Self::FourBit(weight) => Ok(weight.shape),
            Self::Stored(weight) => Ok(weight.shape()),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        match self {
            Self::Dense(weight) => weight.device(),
            Self::FourBit(weight) => &weight.device,
            Self::Stored(weight) => weight.device(),
        }
    }

    /// The quantised numbers, if it is in NF4.
    #[must_use]
    pub fn quantised(&self) -> Option<&Quantised> {
        match self {
            Self::Dense(_) | Self::Stored(_) => None,
            Self::FourBit(weight) => Some(&weight.numbers),
        }
    }

    /// Number of entries.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Dense(weight) => weight.elem_count(),
            Self::FourBit(weight) => weight.numbers.count(),
            Self::Stored(weight) => weight.shape().0 * weight.shape().1,
        }
    }

    /// Bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Dense(weight) => weight.elem_count() * weight.dtype().size_in_bytes(),
            Self::FourBit(weight) => weight.numbers.bytes(),
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
            Self::FourBit(weight) => weight.dense(),
            Self::Stored(weight) => weight.dense(),
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
        let norms = |matrix: Tensor| matrix.sqr()?.sum(1)?.sqrt();
        match self {
            Self::Dense(weight) => norms((weight.detach().to_dtype(DType::F32)? + update.detach())?),
            Self::Stored(weight) => norms((weight.dense()? + update.detach())?),
            Self::FourBit(weight) => {
                let tile = |(start, count): (usize, usize)| {
                    let rows = weight.rows(start, count, &weight.device)?;
                    norms((rows + update.detach().narrow(0, start, count)?)?)
                };
                Tensor::cat(&tiles(weight.shape).map(tile).collect::<Result<Vec<_>>>()?, 0)
            }
        }
    }
}

impl Tiled for FourBit {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn read(&self, start: usize, out: &mut [f32]) -> Result<()> {
        self.numbers.read(start * self.shape.1, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Var;

    use super::*;

    fn gap(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn four_bits_multiply_as_their_dense_form_forward_and_backward() {
        // The last shape takes several tiles; the others have blocks across rows and an odd count.
        for (out, width) in [(5, 13), (32, 64), (7, 9), (700, 1000)] {
            let weight = Tensor::randn(0f32, 1f32, (out, width), &Device::Cpu).unwrap();
            let four = Weight::nf4(&weight, true).unwrap();
            let dense = four.dense().unwrap();
            let few = Tensor::randn(0f32, 1f32, (1, 3, width), &Device::Cpu).unwrap();
            assert!(gap(&four.apply(&few).unwrap(), &linear(&few, &dense).unwrap()) < 1e-3, "{out}x{width}");
            let x = Var::randn(0f32, 1f32, (2, 3, width), &Device::Cpu).unwrap();
            let (ours, theirs) = (four.apply(x.as_tensor()).unwrap(), linear(x.as_tensor(), &dense).unwrap());
            assert!(gap(&ours, &theirs) < 1e-3, "{out}x{width}");
            let grad =
                |y: Tensor| y.sin().unwrap().sum_all().unwrap().backward().unwrap().get(x.as_tensor()).unwrap().clone();
            assert!(gap(&grad(ours), &grad(theirs)) < 1e-3, "{out}x{width}");
            let update = Tensor::randn(0f32, 1f32, (out, width), &Device::Cpu).unwrap();
            let norms = Weight::from(dense).row_norms_with(&update).unwrap();
            assert!(gap(&four.row_norms_with(&update).unwrap(), &norms) < 1e-4);
        }
    }

    #[test]
    fn a_misfit_and_nan_are_errors() {
        let four = Weight::nf4(&Tensor::zeros((4, 8), DType::F32, &Device::Cpu).unwrap(), false).unwrap();
        assert!(four.apply(&Tensor::zeros((2, 7), DType::F32, &Device::Cpu).unwrap()).is_err());
        let nan = Tensor::full(f32::NAN, (2, 2), &Device::Cpu).unwrap();
        assert!(Weight::nf4(&nan, false).unwrap_err().to_string().contains("entry 0"));
    }
}
