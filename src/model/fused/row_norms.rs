//! Euclidean norms of the rows of a sum, `nᵢ = ‖wᵢ + uᵢ‖`: the sum itself need not be written.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{
    fuses,
    lanes::{sum, wide},
    rows::numbers,
};

/// Norms of the rows of `w + u`, both (out, in), without a gradient: (out).
pub(in crate::model) fn row_norms(w: &Tensor, u: &Tensor) -> Result<Tensor> {
    let (w, u) = (w.detach(), u.detach());
    if !fuses(&[&w, &u]) || w.dims() != u.dims() || w.rank() != 2 || w.elem_count() == 0 {
        return textbook(&w, &u);
    }
    w.contiguous()?.apply_op2_no_bwd(&u.contiguous()?, &RowNorms)
}

fn textbook(w: &Tensor, u: &Tensor) -> Result<Tensor> {
    (w + u)?.sqr()?.sum(1)?.sqrt()
}

struct RowNorms;

impl CustomOp2 for RowNorms {
    fn name(&self) -> &'static str {
        "row-norms"
    }

    fn cpu_fwd(
        &self,
        w: &CpuStorage,
        w_layout: &Layout,
        u: &CpuStorage,
        u_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = w_layout.shape().dims2()?;
        let (w, u) = (numbers(w, w_layout)?, numbers(u, u_layout)?);
        let norm = |(w, u): (&[f32], &[f32])| {
            wide(
                #[inline(always)]
                || sum(w, u, |w, u| (w + u) * (w + u)).sqrt(),
            )
        };
        let norms = w.par_chunks(width).zip(u.par_chunks(width)).with_min_len(16).map(norm).collect();
        Ok((CpuStorage::F32(norms), Shape::from(rows)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor};

    use super::{super::same, row_norms, textbook};

    #[test]
    fn it_is_the_textbook_form() {
        for shape in [(1, 1), (3, 5), (70, 1536), (0, 4)] {
            let random = || Tensor::randn(0f32, 1f32, shape, &Device::Cpu).unwrap();
            let (w, u) = (random(), random());
            same::close(&row_norms(&w, &u).unwrap(), &textbook(&w, &u).unwrap(), "norms");
        }
    }
}
