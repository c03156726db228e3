//! `y = x Wᵀ`, without a gradient for a frozen `W`.
//!
//! candle's own matmul computes the gradient of *both* operands in the backward pass, wanted or not. For a frozen weight that is a
//! third of the step's arithmetic and a dense (out × in) tensor per projection, all thrown away. Here the weight is no node of the
//! graph: the backward pass gives `∂L/∂x = ∂L/∂y · W` and nothing else.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Storage, Tensor, backend::BackendStorage, bail};

use super::{
    few::{FEW, few},
    trained::trained,
};

/// Applies `weight` (out, in) to the last dimension of `x` (…, in).
///
/// `x` is in f32; a frozen weight may be in bf16 or f16, and the product then is computed in its type ([`crate::device::Precision`]).
///
/// A weight that is a variable, or depends on one, takes part in the graph as usual; any other is frozen.
///
/// # Errors
/// The shapes do not fit.
pub fn linear(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (out, width) = weight.dims2()?;
    let mut shape = x.dims().to_vec();
    match shape.last_mut() {
        Some(last) if *last == width => *last = out,
        _ => bail!("linear: the input is {:?}, but the weight (out, in) is {:?}", x.shape(), weight.shape()),
    }
    let rows = x.reshape(((), width))?;
    let y = if weight.track_op() {
        trained(&rows.contiguous()?, weight)?
    } else {
        rows.contiguous()?.apply_op1(FrozenLinear { weight: weight.clone() })?
    };
    y.reshape(shape)
}

struct FrozenLinear {
    weight: Tensor,
}

impl FrozenLinear {
    /// (rows, out, in) of the product, with the layout of Wᵀ.
    fn sizes(&self, x: &Layout) -> Result<(usize, usize, usize)> {
        let (rows, width) = x.shape().dims2()?;
        let (out, _) = self.weight.dims2()?;
        Ok((rows, out, width))
    }
}

impl CustomOp1 for FrozenLinear {
    fn name(&self) -> &'static str {
        "frozen-linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, out, width) = self.sizes(layout)?;
        let (storage, weight_layout) = self.weight.storage_and_layout();
        let Storage::Cpu(weight) = &*storage else {
            bail!("frozen-linear: the input is on the CPU, the weight is not")
        };
        if weight.dtype() != x.dtype() {
            return Ok((rounded_on_cpu(x, layout, &self.weight)?, Shape::from((rows, out))));
        }
        let slices = (x, layout.contiguous_offsets(), weight, weight_layout.contiguous_offsets());
        if let (CpuStorage::F32(x), Some((start, end)), CpuStorage::F32(weight), Some((from, to))) = slices
            && (1..=FEW).contains(&rows)
            && width > 0
        {
            return Ok((CpuStorage::F32(few(&x[start..end], &weight[from..to], width)), Shape::from((rows, out))));
        }
        let y = x.matmul(weight, (1, rows, out, width), layout, &weight_layout.transpose(0, 1)?)?;
        Ok((y, Shape::from((rows, out))))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &candle_core::CudaStorage, layout: &Layout) -> Result<(candle_core::CudaStorage, Shape)> {
        let (rows, out, width) = self.sizes(layout)?;
        let (storage, weight_layout) = self.weight.storage_and_layout();
        let Storage::Cuda(weight) = &*storage else {
            bail!("frozen-linear: the input is on the GPU, the weight is not")
        };
        let (sizes, transposed) = ((1, rows, out, width), weight_layout.transpose(0, 1)?);
        if weight.dtype() == x.dtype() {
            return Ok((x.matmul(weight, sizes, layout, &transposed)?, Shape::from((rows, out))));
        }
        let narrow = x.to_dtype(layout, weight.dtype())?;
        let y = narrow.matmul(weight, sizes, &Layout::contiguous((rows, width)), &transposed)?;
        Ok((y.to_dtype(&Layout::contiguous((rows, out)), x.dtype())?, Shape::from((rows, out))))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (wide, narrow) = (grad.dtype(), self.weight.dtype());
        if wide == narrow {
            return grad.matmul(&self.weight).map(Some);
        }
        let grad = grad.to_dtype(narrow)?;
        // candle's CPU does not multiply in bf16: there the rounded numbers are multiplied in f32.
        let product = match grad.device().is_cpu() {
            true => grad.to_dtype(wide)?.matmul(&self.weight.to_dtype(wide)?)?.to_dtype(narrow)?,
            false => grad.matmul(&self.weight)?,
        };
        product.to_dtype(wide).map(Some)
    }
}

/// `x Wᵀ` as a GPU computes it in the weight's own type: factors and result rounded to it, sums in f32. The weight is widened for the
/// time of one product.
fn rounded_on_cpu(x: &CpuStorage, layout: &Layout, weight: &Tensor) -> Result<CpuStorage> {
    let (narrow, wide) = (weight.dtype(), x.dtype());
    let ((rows, width), (out, _)) = (layout.shape().dims2()?, weight.dims2()?);
    let (input, output) = (Layout::contiguous((rows, width)), Layout::contiguous((rows, out)));
    let x = x.to_dtype(layout, narrow)?.to_dtype(&input, wide)?;
    let weight = weight.to_dtype(wide)?;
    let (storage, at) = weight.storage_and_layout();
    let Storage::Cpu(weight) = &*storage else { bail!("frozen-linear: the input is on the CPU, the weight is not") };
    let y = x.matmul(weight, (1, rows, out, width), &input, &at.transpose(0, 1)?)?;
    y.to_dtype(&output, narrow)?.to_dtype(&output, wide)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor, Var};

    use super::linear;

    #[test]
    fn frozen_and_trained_agree_and_only_the_trained_weight_gets_a_gradient() {
        let device = Device::Cpu;
        let x = Var::from_tensor(&Tensor::arange(0f32, 24f32, &device).unwrap().reshape((2, 3, 4)).unwrap()).unwrap();
        let weight = (Tensor::arange(0f32, 20f32, &device).unwrap().reshape((5, 4)).unwrap() * 0.1).unwrap();
        let trained = Var::from_tensor(&weight).unwrap();

        let frozen_y = linear(x.as_tensor(), &weight).unwrap();
        let trained_y = linear(x.as_tensor(), trained.as_tensor()).unwrap();
        assert_eq!(frozen_y.dims(), [2, 3, 5]);
        let gap = (&frozen_y - &trained_y).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert_eq!(gap, 0.0);

        let frozen_grads = frozen_y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let trained_grads = trained_y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        assert!(frozen_grads.get(&weight).is_none());
        assert!(trained_grads.get(trained.as_tensor()).is_some());
        let gap = (frozen_grads.get(x.as_tensor()).unwrap() - trained_grads.get(x.as_tensor()).unwrap()).unwrap();
        assert!(gap.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap() < 1e-3);
    }

    #[test]
    fn a_misfit_names_both_shapes() {
        let device = Device::Cpu;
        let x = Tensor::zeros((2, 3), candle_core::DType::F32, &device).unwrap();
        let weight = Tensor::zeros((5, 4), candle_core::DType::F32, &device).unwrap();
        let message = linear(&x, &weight).unwrap_err().to_string();
        assert!(message.contains("[2, 3]") && message.contains("[5, 4]"), "{message}");
    }
}
