//! BGMV: every row gathers the factors of its own adapter by an index; rows stand in any order.

use rayon::prelude::*;

use super::{LowRank, simd};

/// Rows that one task takes at least: fewer are not worth handing to another thread.
const ROWS_PER_TASK: usize = 4;

/// `v_i = A x_i` for each row of `x` (rows, in), with the adapter at the row's index; no numbers for rows without one.
#[must_use]
pub fn shrink(x: &[f32], width: usize, index: &[Option<usize>], adapters: &[LowRank]) -> Vec<Vec<f32>> {
    let rows = x.par_chunks(width).zip(index).with_min_len(ROWS_PER_TASK);
    rows.map(|(x, index)| match index.and_then(|index| adapters.get(index)) {
        Some(adapter) => {
            let mut v = vec![0.0; adapter.rank()];
            simd::shrink(&[x], &adapter.a, &mut v);
            v
        }
        None => Vec::new(),
    })
    .collect()
}

/// `y_i += s · (B v_i + bias)` for each row of `y` (rows, out) that has an adapter.
pub fn expand(v: &mut [Vec<f32>], index: &[Option<usize>], adapters: &[LowRank], y: &mut [f32], out: usize) {
    let rows = y.par_chunks_mut(out).zip(v).zip(index).with_min_len(ROWS_PER_TASK);
    rows.for_each(|((y, v), index)| {
        let Some(adapter) = index.and_then(|index| adapters.get(index)) else { return };
        v.iter_mut().for_each(|v| *v *= adapter.scale);
        simd::expand(v, &adapter.b, &mut [y]);
        super::sgmv::add_bias(adapter, y);
    });
}
