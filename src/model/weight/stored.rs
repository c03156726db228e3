//! A matrix kept in the blocks in which a GGUF file stores it (Q4_0, Q8_0, Q4_K, …; layouts in ggml's `ggml-common.h`).
//!
//! Forward, candle rounds each row of x to eight bits and multiplies integers. Backward, `∂L/∂x = ∂L/∂y · W` with W dequantised, as if x had
//! not been rounded; candle's own product has no backward pass at all.

use std::{borrow::Cow, fmt, sync::Arc};

use candle_core::{
    CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail,
    quantized::{QStorage, QTensor},
};

/// A matrix (out, in) in blocks along its rows.
#[derive(Clone)]
pub struct Stored {
    blocks: Arc<QTensor>,
    shape: (usize, usize),
    device: Device,
}

impl Stored {
    /// Keeps `blocks`.
    ///
    /// # Errors
    /// It is no matrix.
    pub fn new(blocks: QTensor) -> Result<Self> {
        let (shape, device) = (blocks.shape().dims2()?, blocks.device());
        Ok(Self { blocks: Arc::new(blocks), shape, device })
    }

    /// The same with row `order[i]` as row `i`; blocks lie within rows, so nothing is requantised.
    ///
    /// # Errors
    /// `order` names a row that is not there.
    pub fn reordered(&self, order: &[usize]) -> Result<Self> {
        let data = self.blocks.data()?;
        let width = data.len() / self.shape.0;
        let mut bytes = Vec::with_capacity(data.len());
        for row in order {
            match data.get(row * width..(row + 1) * width) {
                Some(row) => bytes.extend_from_slice(row),
                None => bail!("there is no row {row} in a matrix {:?}", self.shape),
            }
        }
        let storage = QStorage::from_data(Cow::Owned(bytes), &self.device, self.blocks.dtype())?;
        Self::new(QTensor::new(storage, (order.len(), self.shape.1))?)
    }

    /// (out, in).
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Where it is.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.storage_size_in_bytes()
    }

    /// The matrix in f32.
    ///
    /// # Errors
    /// The device has no room.
    pub fn dense(&self) -> Result<Tensor> {
        self.blocks.dequantize(&self.device)
    }

    /// `W x` for the last dimension of `x` (…, in).
    ///
    /// # Errors
    /// The shapes do not fit.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let mut shape = x.dims().to_vec();
        match shape.last_mut() {
            Some(last) if *last == self.shape.1 => *last = self.shape.0,
            _ => bail!("linear: the input is {:?}, but the weight (out, in) is {:?}", x.shape(), self.shape),
        }
        let rows = x.reshape(((), self.shape.1))?.contiguous()?;
        rows.apply_op1(StoredLinear(Arc::clone(&self.blocks)))?.reshape(shape)
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}[{}, {}]", self.blocks.dtype(), self.shape.0, self.shape.1)
    }
}

/// candle's product of x with quantised rows, and the backward pass it lacks.
struct StoredLinear(Arc<QTensor>);

impl CustomOp1 for StoredLinear {
    fn name(&self) -> &'static str {
        "stored-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.0.cpu_fwd(storage, layout)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        storage: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        self.0.cuda_fwd(storage, layout)
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        grad.contiguous()?.matmul(&self.0.dequantize(grad.device())?).map(Some)
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
    fn every_block_type_multiplies_as_its_dense_form_but_for_the_rounding_of_x() {
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
            let x = Var::randn(0f32, 1f32, (2, 3, 512), &Device::Cpu).unwrap();
            let (ours, exact) = (stored.apply(x.as_tensor()).unwrap(), linear(x.as_tensor(), &dense).unwrap());
            // Each of the 512 terms of size one is off by at most one part in 254 of its block's largest |x|, with either sign.
            assert!(gap(&ours, &exact) < 1.5, "{dtype:?}: {}", gap(&ours, &exact));
            assert!(gap(&ours, &exact) > 0.0, "{dtype:?}");
            let grad = |y: Tensor| y.sum_all().unwrap().backward().unwrap().get(x.as_tensor()).unwrap().clone();
            assert!(gap(&grad(ours), &grad(exact)) < 1e-4, "{dtype:?}");
            let turned = stored.reordered(&[7, 6, 5, 4, 3, 2, 1, 0]).unwrap().dense().unwrap();
            assert_eq!(gap(&turned.get(7).unwrap(), &dense.get(0).unwrap()), 0.0);
            assert!(stored.reordered(&[8]).is_err());
            assert!(stored.bytes() < 8 * 512 * 2);
        }
    }
}
