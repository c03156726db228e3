//! A frozen weight: dense, in four bits, or as a GGUF file stores it. Whoever multiplies by it cannot tell which.

mod stored;

use std::{fmt, sync::Arc};

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

pub use stored::Stored;

use super::frozen::linear;
use crate::quant::{Codebook, Quantised, quantise};

/// Weights that share a scale.
const BLOCK: usize = 64;

/// Numbers that are dense at once: a tile of rows of four megabytes, and at most a quarter of the matrix.
const TILE: usize = 1 << 20;

/// Up to this many rows of input are multiplied row by row of the weight: one token, as in generation.
const FEW: usize = 4;

/// A matrix (out, in) that is multiplied by.
#[derive(Clone)]
pub enum Weight {
    /// In the model's own type.
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
        let values = weight.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let numbers = quantise(&values, BLOCK, &Codebook::nf4())?;
        let numbers = if double { numbers.double() } else { numbers };
        Ok(Self::FourBit(Arc::new(FourBit { numbers, shape, device: weight.device().clone() })))
    }

    /// A stored quantised matrix.
    ///
    /// # Errors
    /// The numbers do not fill the shape.
    pub fn from_quantised(numbers: Quantised, shape: (usize, usize), device: &Device) -> Result<Self> {
        match shape.0.checked_mul(shape.1) {
            Some(count) if count == numbers.count() => {
                Ok(Self::FourBit(Arc::new(FourBit { numbers, shape, device: device.clone() })))
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

    /// The dense matrix; a quantised weight is dequantised as a whole for it.
    ///
    /// # Errors
    /// The device has no room.
    pub fn dense(&self) -> Result<Tensor> {
        match self {
            Self::Dense(weight) => Ok(weight.clone()),
            Self::FourBit(weight) => weight.rows(0, weight.shape.0),
            Self::Stored(weight) => weight.dense(),
        }
    }

    /// `W x` for the last dimension of `x` (…, in).
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let weight = match self {
            Self::Dense(weight) => return linear(x, weight),
            Self::FourBit(weight) => weight,
            Self::Stored(weight) => return weight.apply(x),
        };
        let mut shape = x.dims().to_vec();
        match shape.last_mut() {
            Some(last) if *last == weight.shape.1 => *last = weight.shape.0,
            _ => bail!("linear: the input is {:?}, but the weight (out, in) is {:?}", x.shape(), weight.shape),
        }
        let rows = x.reshape(((), weight.shape.1))?.contiguous()?;
        rows.apply_op1(FourBitLinear(Arc::clone(weight)))?.reshape(shape)
    }

    /// Euclidean norm of each row of `W + update`, (out); without a gradient, tile by tile.
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn row_norms_with(&self, update: &Tensor) -> Result<Tensor> {
        let norms = |matrix: Tensor| matrix.sqr()?.sum(1)?.sqrt();
        match self {
            Self::Dense(weight) => norms((weight.detach() + update.detach())?),
            Self::Stored(weight) => norms((weight.dense()? + update.detach())?),
            Self::FourBit(weight) => {
                let tile = |(start, count): (usize, usize)| {
                    norms((weight.rows(start, count)? + update.detach().narrow(0, start, count)?)?)
                };
                Tensor::cat(&weight.tiles().map(tile).collect::<Result<Vec<_>>>()?, 0)
            }
        }
    }
}

impl FourBit {
    /// Rows `start .. start + count`, dense.
    fn rows(&self, start: usize, count: usize) -> Result<Tensor> {
        let mut values = vec![0.0; count * self.shape.1];
        self.numbers.dequantise_into(start * self.shape.1, &mut values);
        Tensor::from_vec(values, (count, self.shape.1), &self.device)
    }

    /// `x Wᵀ` (rows, out) for few rows of `x`: each row of W is dequantised into a buffer that stays in the cache, and used at once.
    fn multiply_few(&self, x: &[f32]) -> Vec<f32> {
        let (out, width) = self.shape;
        let columns: Vec<Vec<f32>> = (0..out)
            .into_par_iter()
            .with_min_len(16)
            .map_init(
                || vec![0.0; width],
                |buffer, row| {
                    self.numbers.read(row * width, buffer);
                    x.chunks(width).map(|x| dot(x, buffer)).collect()
                },
            )
            .collect();
        (0..x.len() / width).flat_map(|row| columns.iter().map(move |column: &Vec<f32>| column[row])).collect()
    }

    /// (start, count) of the tiles of rows.
    fn tiles(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (out, width) = self.shape;
        let step = (TILE.min(out * width / 4) / width.max(1)).max(1);
        (0..out).step_by(step).map(move |start| (start, step.min(out - start)))
    }
}

/// Scalar product, in lanes that the compiler can keep side by side.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// `x Wᵀ` with W dequantised tile by tile, in the forward pass and again in the backward pass.
struct FourBitLinear(Arc<FourBit>);

impl CustomOp1 for FourBitLinear {
    fn name(&self) -> &'static str {
        "four-bit-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("four-bit-linear: the input must be contiguous f32")
        };
        let rows = layout.shape().dims2()?.0;
        if rows <= FEW {
            let y = self.0.multiply_few(&values[start..end]);
            return Ok((CpuStorage::F32(y), Shape::from((rows, self.0.shape.0))));
        }
        let x = Tensor::from_slice(&values[start..end], layout.shape(), &Device::Cpu)?;
        let out = self.0.shape.0;
        let mut y = vec![0.0; rows * out];
        for (start, count) in self.0.tiles() {
            let part = x.matmul(&self.0.rows(start, count)?.t()?)?.flatten_all()?.to_vec1::<f32>()?;
            for (row, part) in y.chunks_mut(out).zip(part.chunks(count)) {
                row[start..start + count].copy_from_slice(part);
            }
        }
        Ok((CpuStorage::F32(y), Shape::from((rows, out))))
    }

    /// `∂L/∂x = ∂L/∂y · W`; the weight itself is frozen.
    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = x.zeros_like()?;
        for (start, count) in self.0.tiles() {
            dx = (dx + grad.narrow(1, start, count)?.contiguous()?.matmul(&self.0.rows(start, count)?)?)?;
        }
        Ok(Some(dx))
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
