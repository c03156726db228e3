//! `y = x Wᵀ` for few rows of x, as when a token is generated: W is read once, in order, by all threads.
//!
//! A general matrix product would first copy W into another order, which pays only when many rows of x use it.

use rayon::prelude::*;

/// Up to this many rows are few.
pub(super) const FEW: usize = 4;

/// Numbers of W that one thread takes at once: they stay in its nearest cache.
pub(super) const STRIP: usize = 1 << 13;

/// y (rows, out) for x (rows, in) and a dense W (out, in), all row by row.
pub(super) fn few(x: &[f32], weight: &[f32], width: usize) -> Vec<f32> {
    let (rows, out) = (x.len() / width, weight.len() / width);
    let step = (STRIP / width).max(1);
    let mut y = vec![0.0; rows * out];
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(out)) {
        y.par_chunks_mut(step).zip(weight.par_chunks(step * width)).for_each(|(y, strip)| {
            for (y, row) in y.iter_mut().zip(strip.chunks_exact(width)) {
                *y = dot(x, row);
            }
        });
    }
    y
}

/// Scalar product, in lanes that the compiler can keep side by side.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}
