//! A matrix kept in the blocks in which a GGUF file stores it (Q4_0, Q8_0, Q4_K, …; layouts in ggml's `ggml-common.h`).
//!
//! On the CPU its rows are made dense as they are needed, so that products are those of the dense matrix to fp32 noise. candle's own products
//! with such blocks round x to eight bits, are slow for half of the types, and have no backward pass.

use std::{borrow::Cow, fmt, sync::Arc};

use candle_core::{
    Device, Result, Tensor, bail,
    quantized::{QStorage, QTensor},
};

use super::{
    blocks,
    tiled::{self, Tiled},
};

/// A matrix (out, in) in blocks along its rows.
#[derive(Clone)]
pub struct Stored(Arc<Blocks>);

struct Blocks {
    tensor: QTensor,
    shape: (usize, usize),
    device: Device,
}

impl Stored {
    /// Keeps the blocks of `tensor`.
    ///
    /// # Errors
    /// It is no matrix.
    pub fn new(tensor: QTensor) -> Result<Self> {
        let (shape, device) = (tensor.shape().dims2()?, tensor.device());
        Ok(Self(Arc::new(Blocks { tensor, shape, device })))
    }

    /// The same with row `order[i]` as row `i`; blocks lie within rows, so nothing is requantised.
    ///
    /// # Errors
    /// `order` names a row that is not there.
    pub fn reordered(&self, order: &[usize]) -> Result<Self> {
        let data = self.0.tensor.data()?;
        let width = data.len() / self.0.shape.0;
        let mut bytes = Vec::with_capacity(data.len());
        for row in order {
            match data.get(row * width..(row + 1) * width) {
                Some(row) => bytes.extend_from_slice(row),
                None => bail!("there is no row {row} in a matrix {:?}", self.0.shape),
            }
        }
        let storage = QStorage::from_data(Cow::Owned(bytes), &self.0.device, self.0.tensor.dtype())?;
        Self::new(QTensor::new(storage, (order.len(), self.0.shape.1))?)
    }

    /// (out, in).
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.0.shape
    }

    /// Where it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// Bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.tensor.storage_size_in_bytes()
    }

    /// The matrix in f32.
    ///
    /// # Errors
    /// The device has no room.
    pub fn dense(&self) -> Result<Tensor> {
        self.0.tensor.dequantize(&self.0.device)
    }

    /// `W x` for the last dimension of `x` (…, in).
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        tiled::apply(&self.0, x)
    }
}

impl Tiled for Blocks {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn read(&self, start: usize, out: &mut [f32]) -> Result<()> {
        let data = self.tensor.data()?;
        let width = data.len() / self.shape.0;
        let bytes = &data[start * width..(start + out.len() / self.shape.1) * width];
        blocks::read(self.tensor.dtype(), bytes, out)
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}[{}, {}]", self.0.tensor.dtype(), self.0.shape.0, self.0.shape.1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Var, quantized::GgmlDType};

    use super::*;
    use crate::model::linear;

    fn gap(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn every_block_type_multiplies_as_its_dense_form() {
        let weight = Tensor::randn(0f32, 1f32, (8, 512), &Device::Cpu).unwrap();
        for dtype in [
            GgmlDType::Q4_0,
            GgmlDType::Q4_1,
            GgmlDType::Q5_0,
            GgmlDType::Q5_1,
            GgmlDType::Q8_0,
            GgmlDType::Q2K,
            GgmlDType::Q3K,
            GgmlDType::Q4K,
            GgmlDType::Q5K,
            GgmlDType::Q6K,
        ] {
            let stored = Stored::new(QTensor::quantize(&weight, dtype).unwrap()).unwrap();
            let dense = stored.dense().unwrap();
            let read = stored.0.rows(3, 4, &Device::Cpu).unwrap();
            assert_eq!(gap(&read, &dense.narrow(0, 3, 4).unwrap()), 0.0, "{dtype:?}");
            let few = Tensor::randn(0f32, 1f32, (1, 2, 512), &Device::Cpu).unwrap();
            assert!(gap(&stored.apply(&few).unwrap(), &linear(&few, &dense).unwrap()) < 1e-4, "{dtype:?}");
            let x = Var::randn(0f32, 1f32, (2, 3, 512), &Device::Cpu).unwrap();
            let (ours, exact) = (stored.apply(x.as_tensor()).unwrap(), linear(x.as_tensor(), &dense).unwrap());
            assert!(gap(&ours, &exact) < 1e-4, "{dtype:?}: {}", gap(&ours, &exact));
            let grad = |y: Tensor| y.sum_all().unwrap().backward().unwrap().get(x.as_tensor()).unwrap().clone();
            assert!(gap(&grad(ours), &grad(exact)) < 1e-4, "{dtype:?}");
            let turned = stored.reordered(&[7, 6, 5, 4, 3, 2, 1, 0]).unwrap().dense().unwrap();
            assert_eq!(gap(&turned.get(7).unwrap(), &dense.get(0).unwrap()), 0.0);
            assert!(stored.reordered(&[8]).is_err());
            assert!(stored.bytes() < 8 * 512 * 2);
        }
    }
}
