//! The functions between the products, each in one pass over memory with a backward pass of its own.
//!
//! Composed of candle's operations, RMSNorm alone is six of them, which keep every intermediate result for the backward pass and walk through
//! memory again and again. Each file here holds the textbook form first: it is the specification, the test, and what runs on a GPU, in other
//! types than f32, and where a weight is trained. The fused form follows.

mod cross_entropy;
mod lanes;
mod rms_norm;
mod rope;
mod row_norms;
mod rows;
mod scale;
mod softmax;
mod swiglu;

pub(super) use cross_entropy::mean_loss;
pub(super) use rms_norm::rms_norm;
pub(super) use rope::rotate;
pub(super) use row_norms::row_norms;
pub(crate) use scale::scale;
pub(super) use softmax::softmax;
pub(super) use swiglu::swiglu;

use candle_core::{DType, Tensor};

/// Whether the fused forms may take these tensors.
fn fuses(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|tensor| tensor.device().is_cpu() && tensor.dtype() == DType::F32)
}

#[cfg(test)]
mod same {
    //! How the tests hold a fused form to its textbook form.
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Result, Tensor, Var};

    /// Asserts that both functions give the same values, and the same gradients of every input for a random gradient of the result.
    pub(super) fn forward_and_backward(
        shapes: &[&[usize]],
        fused: impl Fn(&[&Tensor]) -> Result<Tensor>,
        textbook: impl Fn(&[&Tensor]) -> Result<Tensor>,
    ) {
        let inputs: Vec<Var> =
            shapes.iter().map(|shape| Var::randn(0f32, 2f32, *shape, &Device::Cpu).unwrap()).collect();
        let tensors: Vec<&Tensor> = inputs.iter().map(|input| input.as_tensor()).collect();
        let (ours, theirs) = (fused(&tensors).unwrap(), textbook(&tensors).unwrap());
        assert_eq!(ours.dims(), theirs.dims());
        close(&ours, &theirs, "forward");
        let slope = Tensor::randn(0f32, 1f32, ours.dims(), &Device::Cpu).unwrap();
        let grads = |y: &Tensor| (y * &slope).unwrap().sum_all().unwrap().backward().unwrap();
        let (ours, theirs) = (grads(&ours), grads(&theirs));
        for (index, input) in inputs.iter().enumerate() {
            let name = format!("gradient of input {index}");
            close(ours.get(input.as_tensor()).unwrap(), theirs.get(input.as_tensor()).unwrap(), &name);
        }
    }

    pub(super) fn close(ours: &Tensor, theirs: &Tensor, what: &str) {
        if ours.elem_count() == 0 {
            return;
        }
        let largest = |x: Tensor| x.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let (gap, size) = (largest((ours - theirs).unwrap()), largest(theirs.clone()));
        assert!(gap <= 2e-6 * size.max(1.0), "{what}: {gap:e} apart, {size} large, shape {:?}", ours.dims());
    }
}
