//! Functions that work on each row (the last dimension) by itself, as operations of candle's graph.

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail};
use rayon::prelude::*;

use super::lanes::wide;

/// Numbers that one thread takes at once.
const STRIP: usize = 1 << 14;

/// A function of rows and its gradient. Both are to be inlined: they are compiled for several widths of vectors.
pub(super) trait Rows: Send + Sync + 'static {
    const NAME: &'static str;

    /// A constant that all rows share, dense, f32, on the CPU.
    fn shared(&self) -> &Tensor;

    /// Writes y for row number `row`, x.
    fn forward(&self, shared: &[f32], row: usize, x: &[f32], y: &mut [f32]);

    /// Writes ∂L/∂x for x, y and ∂L/∂y.
    fn backward(&self, shared: &[f32], row: usize, at: [&[f32]; 3], dx: &mut [f32]);
}

/// Applies `function` to the rows of `x`, which stands on the CPU in f32.
pub(super) fn apply(x: &Tensor, function: impl Rows) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Forward(function))
}

struct Forward<R>(R);

impl<R: Rows> CustomOp1 for Forward<R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = numbers(x, layout)?;
        let y = each_row(layout, self.0.shared(), |shared, row, width, y| {
            self.0.forward(shared, row, &x[row * width..][..width], y);
        })?;
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        x.apply_op3_no_bwd(y, &dy.contiguous()?, &Backward(&self.0)).map(Some)
    }
}

struct Backward<'a, R>(&'a R);

impl<R: Rows> CustomOp3 for Backward<'_, R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let at = [numbers(x, x_layout)?, numbers(y, y_layout)?, numbers(dy, dy_layout)?];
        let dx = each_row(x_layout, self.0.shared(), |shared, row, width, dx| {
            self.0.backward(shared, row, at.map(|numbers| &numbers[row * width..][..width]), dx);
        })?;
        Ok((dx, x_layout.shape().clone()))
    }
}

/// The numbers of a dense tensor in f32.
pub(super) fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(all), Some((start, end))) => Ok(&all[start..end]),
        _ => bail!("a fused operation takes dense tensors in f32"),
    }
}

/// A tensor of this layout's shape, whose rows `work(shared, row, width, out)` writes on all cores.
fn each_row(
    layout: &Layout,
    shared: &Tensor,
    work: impl Fn(&[f32], usize, usize, &mut [f32]) + Sync,
) -> Result<CpuStorage> {
    let (storage, shared_layout) = shared.storage_and_layout();
    let Storage::Cpu(shared) = &*storage else { bail!("a fused operation's constant is not on the CPU") };
    let shared = numbers(shared, shared_layout)?;
    let width = layout.dims().last().copied().unwrap_or(1).max(1);
    let mut out = vec![0f32; layout.shape().elem_count()];
    let rows = (STRIP / width).max(1);
    out.par_chunks_mut(rows * width).enumerate().for_each(|(strip, out)| {
        wide(
            #[inline(always)]
            || {
                for (row, out) in out.chunks_exact_mut(width).enumerate() {
                    work(shared, strip * rows + row, width, out);
                }
            },
        );
    });
    Ok(CpuStorage::F32(out))
}
