//! SGMV: rows in segments of one adapter each, so that its factors are read once for all of them.

use rayon::prelude::*;

use super::{LowRank, simd};

/// Rows of one segment that one task takes: their inputs and outputs stay in the cache beside the factors.
const ROWS_PER_TASK: usize = 32;

/// Rows of the batch that have the same adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Index of the adapter.
    pub adapter: usize,
    /// The rows, ascending.
    pub rows: Vec<usize>,
}

/// Sorts rows into segments by the index of their adapter; long ones are cut, for other threads to help.
#[must_use]
pub fn segments(index: &[Option<usize>], adapters: usize) -> Vec<Segment> {
    let mut rows = vec![Vec::new(); adapters];
    for (row, index) in index.iter().enumerate() {
        if let Some(rows) = index.and_then(|index| rows.get_mut(index)) {
            rows.push(row);
        }
    }
    let cut = |(adapter, rows): (usize, Vec<usize>)| {
        let parts: Vec<_> = rows.chunks(ROWS_PER_TASK).map(|rows| Segment { adapter, rows: rows.to_vec() }).collect();
        parts
    };
    rows.into_iter().enumerate().flat_map(cut).collect()
}

/// Whether every segment is one row, so that gathering row by row ([`super::bgmv`]) reads nothing twice.
#[must_use]
pub fn shares_nothing(segments: &[Segment]) -> bool {
    segments.iter().all(|segment| segment.rows.len() == 1)
}

/// `V = X Aᵀ` for each segment: (rows, r) numbers, from `x` (rows of the batch, in).
#[must_use]
pub fn shrink(x: &[f32], width: usize, segments: &[Segment], adapters: &[LowRank]) -> Vec<Vec<f32>> {
    let one = |segment: &Segment| {
        let adapter = &adapters[segment.adapter];
        let rows: Vec<&[f32]> = segment.rows.iter().map(|row| &x[row * width..][..width]).collect();
        let mut v = vec![0.0; rows.len() * adapter.rank()];
        simd::shrink(&rows, &adapter.a, &mut v);
        v
    };
    segments.par_iter().map(one).collect()
}

/// `Y += s · (V Bᵀ + bias)` for the rows of each segment in `y` (rows of the batch, out).
pub fn expand(v: &mut [Vec<f32>], segments: &[Segment], adapters: &[LowRank], y: &mut [f32], out: usize) {
    let mut rows: Vec<Option<&mut [f32]>> = y.chunks_mut(out).map(Some).collect();
    let owned = segments.iter().map(|segment| segment.rows.iter().filter_map(|row| rows[*row].take()).collect());
    let owned: Vec<Vec<&mut [f32]>> = owned.collect();
    segments.par_iter().zip(v).zip(owned).for_each(|((segment, v), mut rows)| {
        let adapter = &adapters[segment.adapter];
        v.iter_mut().for_each(|v| *v *= adapter.scale);
        simd::expand(v, &adapter.b, &mut rows);
        rows.into_iter().for_each(|row| add_bias(adapter, row));
    });
}

/// `y += s · bias`.
pub(super) fn add_bias(adapter: &LowRank, y: &mut [f32]) {
    for (y, bias) in y.iter_mut().zip(adapter.bias.unwrap_or_default()) {
        *y += adapter.scale * bias;
    }
}
