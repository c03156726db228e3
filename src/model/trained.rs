//! `y = x Wᵀ` for a trained `W`, on the CPU.
//!
//! ```text
//! ∂L/∂x = ∂L/∂y · W      ∂L/∂W = (∂L/∂y)ᵀ · x, (out, in)
//! ```
//!
//! Of candle's own `x.matmul(&w.t()?)`, which is the specification, the gradient of `W` comes out as a transposed view, and whoever adds to it
//! or reads it jumps through memory. Here it lies as `W` does, and an `x` that nobody asks for costs no product.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, backend::BackendStorage};

/// `x` (rows, in) dense, `weight` (out, in) a variable or what depends on one.
pub(super) fn trained(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() || x.dtype() != weight.dtype() {
        return textbook(x, weight);
    }
    x.apply_op2(weight, TrainedLinear)
}

fn textbook(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)
}

struct TrainedLinear;

impl CustomOp2 for TrainedLinear {
    fn name(&self) -> &'static str {
        "trained-linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let ((rows, width), (out, _)) = (x_layout.shape().dims2()?, weight_layout.shape().dims2()?);
        let y = x.matmul(weight, (1, rows, out, width), x_layout, &weight_layout.transpose(0, 1)?)?;
        Ok((y, Shape::from((rows, out))))
    }

    fn bwd(&self, x: &Tensor, weight: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dx = x.track_op().then(|| dy.matmul(&weight.detach())).transpose()?;
        let dw = weight.track_op().then(|| dy.t()?.matmul(&x.detach())).transpose()?;
        Ok((dx, dw))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor, Var};

    use super::{textbook, trained};

    #[test]
    fn it_is_the_textbook_form_and_its_gradient_lies_as_the_weight_does() {
        for (rows, width, out) in [(1, 1, 1), (5, 7, 3), (70, 33, 129)] {
            let random = |rows, columns| Var::randn(0f32, 1f32, (rows, columns), &Device::Cpu).unwrap();
            let (x, w) = (random(rows, width), random(out, width));
            let (ours, theirs) = (trained(&x, &w).unwrap(), textbook(&x, &w).unwrap());
            let slope = random(rows, out).as_detached_tensor();
            let grads = |y: &Tensor| (y * &slope).unwrap().sum_all().unwrap().backward().unwrap();
            let (ours, theirs) = ((ours.clone(), grads(&ours)), (theirs.clone(), grads(&theirs)));
            let grad = |of: &Var| (ours.1.get(of.as_tensor()).unwrap(), theirs.1.get(of.as_tensor()).unwrap());
            assert!(grad(&w).0.is_contiguous());
            for (ours, theirs) in [(&ours.0, &theirs.0), grad(&x), grad(&w)] {
                let gap = (ours - theirs).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
                assert!(gap < 1e-4, "{gap:e}");
            }
            let given = x.as_detached_tensor();
            let grads = trained(&given, &w).unwrap().sum_all().unwrap().backward().unwrap();
            assert!(grads.get(&given).is_none() && grads.get(w.as_tensor()).is_some());
        }
    }
}
