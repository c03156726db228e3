//! A frozen matrix in NF4, which is multiplied by without ever being dense as a whole.
//!
//! ```text
//! y = f32( round(x) · round(W)ᵀ )     rounded to the type of the product, f32, bf16 or f16; sums in f32
//! ```
//!
//! QLoRA's paper multiplies in bf16 (Dettmers et al. 2023, arXiv 2305.14314, eq. 5); its matrices come out of four bits for that.

use std::{fmt, sync::Arc};

use candle_core::{DType, Device, Result, Tensor};

use super::tiled::{self, Tiled, tiles};
use crate::{device::Precision, model::fused::row_norms, quant::Quantised};

/// A quantised matrix (out, in).
#[derive(Clone)]
pub struct FourBit {
    numbers: Arc<Quantised>,
    shape: (usize, usize),
    device: Device,
    precision: Precision,
    /// The same on a GPU, from its first use.
    #[cfg(feature = "cuda")]
    on_gpu: Arc<std::sync::OnceLock<Arc<crate::kernels::Nf4>>>,
}

impl FourBit {
    pub(super) fn new(numbers: Quantised, shape: (usize, usize), device: Device) -> Self {
        Self {
            numbers: Arc::new(numbers),
            shape,
            device,
            precision: Precision::F32,
            #[cfg(feature = "cuda")]
            on_gpu: Arc::default(),
        }
    }

    /// The same numbers, whose product with an input in f32 is computed in `precision`.
    #[must_use]
    pub fn computing_in(&self, precision: Precision) -> Self {
        Self { precision, ..self.clone() }
    }

    /// (out, in).
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// Where products are computed.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The quantised numbers.
    #[must_use]
    pub fn numbers(&self) -> &Quantised {
        &self.numbers
    }

    /// The dense matrix in `precision`.
    pub(super) fn dense_in(&self, precision: Precision) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if let Some(on_gpu) = self.on_gpu()? {
            return on_gpu.dense(precision);
        }
        self.numbers_as(Precision::F32).rows(0, self.shape.0, &self.device)?.to_dtype(precision.dtype())
    }

    /// `W x` in the type of `x`. An input in a narrower type than f32 decides in which type is multiplied.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let (given, precision) = match x.dtype() {
            DType::BF16 => (DType::BF16, Precision::Bf16),
            DType::F16 => (DType::F16, Precision::F16),
            given => (given, self.precision),
        };
        let narrow = x.to_dtype(precision.dtype())?;
        #[cfg(feature = "cuda")]
        if let Some(on_gpu) = self.on_gpu()? {
            return crate::kernels::apply(on_gpu, &narrow)?.to_dtype(given);
        }
        // candle's CPU does not multiply in bf16: the rounded numbers are multiplied in f32.
        let y = tiled::apply(&Arc::new(self.numbers_as(precision)), &narrow.to_dtype(DType::F32)?)?;
        y.to_dtype(precision.dtype())?.to_dtype(given)
    }

    /// Euclidean norm of each row of `W + update`, (out); without a gradient.
    pub(super) fn row_norms_with(&self, update: &Tensor) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if let Some(on_gpu) = self.on_gpu()? {
            return row_norms(&on_gpu.dense(Precision::F32)?, update);
        }
        let numbers = self.numbers_as(Precision::F32);
        let tile = |(start, count): (usize, usize)| {
            row_norms(&numbers.rows(start, count, &self.device)?, &update.narrow(0, start, count)?)
        };
        Tensor::cat(&tiles(self.shape).map(tile).collect::<Result<Vec<_>>>()?, 0)
    }

    fn numbers_as(&self, precision: Precision) -> Rounded {
        Rounded { numbers: Arc::clone(&self.numbers), shape: self.shape, precision }
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

impl fmt::Debug for FourBit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourBit[{}, {}]", self.shape.0, self.shape.1)
    }
}

/// The numbers, each rounded as it comes out of four bits.
struct Rounded {
    numbers: Arc<Quantised>,
    shape: (usize, usize),
    precision: Precision,
}

impl Tiled for Rounded {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn read(&self, start: usize, out: &mut [f32]) -> Result<()> {
        self.numbers.read(start * self.shape.1, out);
        match self.precision {
            Precision::F32 => {}
            Precision::Bf16 => out.iter_mut().for_each(|x| *x = half::bf16::from_f32(*x).to_f32()),
            Precision::F16 => out.iter_mut().for_each(|x| *x = half::f16::from_f32(*x).to_f32()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Var;

    use super::*;
    use crate::model::{Weight, linear};

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

    #[test]
    fn products_in_narrower_types_are_those_of_the_dense_matrix_in_that_type_forward_and_backward() {
        for (precision, bound) in [(Precision::Bf16, 1.0 / 128.0), (Precision::F16, 1.0 / 1024.0)] {
            for rows in [2, 9] {
                let four = Weight::nf4(&Tensor::randn(0f32, 1f32, (40, 70), &Device::Cpu).unwrap(), true).unwrap();
                let dense = four.dense().unwrap().to_dtype(precision.dtype()).unwrap();
                let x = Var::randn(0f32, 1f32, (rows, 70), &Device::Cpu).unwrap();
                let narrow = four.computing_in(precision).unwrap().apply(x.as_tensor()).unwrap();
                let (exact, theirs) = (four.apply(x.as_tensor()).unwrap(), linear(x.as_tensor(), &dense).unwrap());
                let largest = exact.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
                assert_eq!(narrow.dtype(), DType::F32);
                assert!(gap(&narrow, &theirs) <= bound * largest, "{precision}: {}", gap(&narrow, &theirs));
                assert!(gap(&narrow, &exact) > 0.0, "{precision} rounds");
                let grad = |y: &Tensor| y.sum_all().unwrap().backward().unwrap().get(x.as_tensor()).unwrap().clone();
                let (ours, theirs) = (grad(&narrow), grad(&theirs));
                let largest = theirs.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
                assert!(gap(&ours, &theirs) <= bound * largest, "{precision}: {}", gap(&ours, &theirs));
                // An input that is narrow already, and comes back so.
                let given = x.as_tensor().to_dtype(precision.dtype()).unwrap();
                let same = four.apply(&given).unwrap();
                assert_eq!(same.dtype(), precision.dtype());
                assert_eq!(gap(&same.to_dtype(DType::F32).unwrap(), &narrow), 0.0);
            }
        }
    }
}
