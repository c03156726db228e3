//! Columns times a vector, both with a gradient: `y = x ⊙ d` for x (…, n) and d (n).
//!
//! ```text
//! ∂L/∂x = ∂L/∂y ⊙ d      ∂L/∂d = Σ over rows of x ⊙ ∂L/∂y
//! ```

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{fuses, lanes::wide, rows::numbers};

/// Numbers that one thread takes at once.
const STRIP: usize = 1 << 14;

/// Multiplies each row of `x` (…, n) by `d` (n), entry by entry.
pub(crate) fn scale(x: &Tensor, d: &Tensor) -> Result<Tensor> {
    let fits = d.rank() == 1 && x.dims().last() == d.dims().last() && d.elem_count() > 0;
    if !fits || !fuses(&[x, d]) {
        return textbook(x, d);
    }
    x.contiguous()?.apply_op2(&d.contiguous()?, Scale)
}

fn textbook(x: &Tensor, d: &Tensor) -> Result<Tensor> {
    x.broadcast_mul(d)
}

struct Scale;

impl CustomOp2 for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        d: &CpuStorage,
        d_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, d) = (numbers(x, x_layout)?, numbers(d, d_layout)?);
        let mut y = vec![0f32; x.len()];
        let strip = (STRIP / d.len()).max(1) * d.len();
        y.par_chunks_mut(strip).zip(x.par_chunks(strip)).for_each(|(y, x)| {
            wide(
                #[inline(always)]
                || {
                    for (y, x) in y.chunks_exact_mut(d.len()).zip(x.chunks_exact(d.len())) {
                        for ((y, x), d) in y.iter_mut().zip(x).zip(d) {
                            *y = x * d;
                        }
                    }
                },
            );
        });
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, d: &Tensor, _: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let dx = x.track_op().then(|| dy.apply_op2_no_bwd(d, &Scale)).transpose()?;
        let dd = d.track_op().then(|| x.apply_op2_no_bwd(&dy, &ColumnSums)).transpose()?;
        Ok((dx, dd))
    }
}

/// Σ over rows of x ⊙ z, (n).
struct ColumnSums;

impl CustomOp2 for ColumnSums {
    fn name(&self) -> &'static str {
        "column-sums"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        z: &CpuStorage,
        z_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, z) = (numbers(x, x_layout)?, numbers(z, z_layout)?);
        let width = x_layout.dims().last().copied().unwrap_or(1);
        let strip = (STRIP / width).max(1) * width;
        // The sums of a strip do not depend on which thread takes it, and they are added in order.
        let strips = x.par_chunks(strip).zip(z.par_chunks(strip)).map(|(x, z)| {
            let mut sums = vec![0f32; width];
            wide(
                #[inline(always)]
                || {
                    for (x, z) in x.chunks_exact(width).zip(z.chunks_exact(width)) {
                        for ((sum, x), z) in sums.iter_mut().zip(x).zip(z) {
                            *sum += x * z;
                        }
                    }
                },
            );
            sums
        });
        let mut total = vec![0f32; width];
        for sums in strips.collect::<Vec<_>>() {
            total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        Ok((CpuStorage::F32(total), Shape::from(width)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::same, scale, textbook};

    #[test]
    fn it_is_the_textbook_form() {
        for shape in [vec![1], vec![3, 5], vec![2, 7, 1536]] {
            let width = &shape[shape.len() - 1..];
            same::forward_and_backward(&[&shape, width], |x| scale(x[0], x[1]), |x| textbook(x[0], x[1]));
        }
    }
}
