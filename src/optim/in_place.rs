//! Entry by entry into the tensor that is there: one pass over memory, and no new tensor.

use candle_core::{CpuStorage, DType, InplaceOp3, Layout, Result, Tensor, bail};
use rayon::prelude::*;

/// Numbers that one thread takes at once: three strips of them stay in its cache.
const STRIP: usize = 1 << 14;

/// Whether [`each`] takes these tensors.
pub(super) fn takes(tensors: &[&Tensor]) -> bool {
    let mut alike = tensors.iter().map(|tensor| (tensor.device().is_cpu(), tensor.dtype(), tensor.is_contiguous()));
    alike.all(|alike| alike == (true, DType::F32, true))
}

/// `x ← f(x, a, b)` for every entry; dense, f32, on the CPU, of one shape.
///
/// # Errors
/// The shapes differ, or `a` or `b` is a view of `x`.
pub(super) fn each(x: &Tensor, a: &Tensor, b: &Tensor, f: impl Fn(f32, f32, f32) -> f32 + Sync) -> Result<()> {
    if x.dims() != a.dims() || x.dims() != b.dims() {
        bail!("{:?}, {:?} and {:?} cannot be taken entry by entry", x.dims(), a.dims(), b.dims());
    }
    x.inplace_op3(a, b, &Each(f))
}

/// `x ← value`, wherever they are.
///
/// # Errors
/// `x` is not dense, the shapes or types differ, or `value` is a view of `x`.
pub(super) fn set(x: &Tensor, value: &Tensor) -> Result<()> {
    // Flattening a tensor that is not dense copies it, and the copy would be set.
    if !x.is_contiguous() || x.dims() != value.dims() {
        bail!("{:?} cannot be set to {:?}", x.layout(), value.dims());
    }
    x.flatten_all()?.slice_set(&value.flatten_all()?.contiguous()?, 0, 0)
}

struct Each<F>(F);

impl<F: Fn(f32, f32, f32) -> f32 + Sync> InplaceOp3 for Each<F> {
    fn name(&self) -> &'static str {
        "entry-by-entry"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<()> {
        let (CpuStorage::F32(x), CpuStorage::F32(a), CpuStorage::F32(b)) = (x, a, b) else {
            bail!("only f32 can be changed in place")
        };
        let (Some(x_at), Some(a_at), Some(b_at)) =
            (x_layout.contiguous_offsets(), a_layout.contiguous_offsets(), b_layout.contiguous_offsets())
        else {
            bail!("only dense tensors can be changed in place")
        };
        let (x, a, b) = (&mut x[x_at.0..x_at.1], &a[a_at.0..a_at.1], &b[b_at.0..b_at.1]);
        let strips = x.par_chunks_mut(STRIP).zip(a.par_chunks(STRIP)).zip(b.par_chunks(STRIP));
        strips.for_each(|((x, a), b)| {
            // Compiled for the widest vectors that the processor has.
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for ((x, a), b) in x.iter_mut().zip(a).zip(b) {
                        *x = (self.0)(*x, *a, *b);
                    }
                },
            );
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;

    #[test]
    fn a_part_of_a_tensor_is_changed_and_nothing_beside_it() {
        let count = 3 * STRIP + 7;
        let whole = Tensor::zeros(count, DType::F32, &Device::Cpu).unwrap();
        let a = Tensor::arange(0f32, count as f32, &Device::Cpu).unwrap();
        let part = |tensor: &Tensor| tensor.narrow(0, 5, count - 9).unwrap();
        each(&part(&whole), &part(&a), &part(&a), |x, a, b| x + a + 2.0 * b).unwrap();
        let found = whole.to_vec1::<f32>().unwrap();
        let expected = |place: usize| if (5..count - 4).contains(&place) { 3.0 * place as f32 } else { 0.0 };
        assert!(found.iter().enumerate().all(|(place, x)| *x == expected(place)));
        assert!(each(&whole, &part(&a), &part(&a), |x, _, _| x).is_err());
        let square = Tensor::zeros((3, 3), DType::F32, &Device::Cpu).unwrap();
        assert!(set(&square.narrow(1, 0, 2).unwrap(), &square.narrow(1, 1, 2).unwrap()).is_err(), "not dense");
        assert!(set(&square, &square.narrow(0, 0, 2).unwrap()).is_err(), "smaller");
        set(&square, &square.ones_like().unwrap()).unwrap();
        assert_eq!(square.sum_all().unwrap().to_scalar::<f32>().unwrap(), 9.0);
        assert!(!takes(&[&whole, &whole.to_dtype(DType::F64).unwrap()]));
    }
}
