//! The two inner loops, in whatever vector width the processor has (found at run time by `pulp`).
//!
//! Each works on a tile: several rows of the batch by [`RANKS`] rows of a factor, so that a number that was loaded is used more than once.

use pulp::{Arch, Simd, WithSimd};

/// Rows of a factor in a tile.
const RANKS: usize = 4;

/// Rows of the batch in a tile.
const ROWS: usize = 4;

/// `v[i][k] = a[k] · x[i]`; `v` is (rows, r) in one piece.
pub(super) fn shrink(x: &[&[f32]], a: &[&[f32]], v: &mut [f32]) {
    Arch::new().dispatch(Shrink { x, a, v });
}

/// `y[i] += Σ_k v[i][k] · b[k]`; `v` is (rows, r) in one piece.
pub(super) fn expand(v: &[f32], b: &[&[f32]], y: &mut [&mut [f32]]) {
    Arch::new().dispatch(Expand { v, b, y });
}

struct Shrink<'a> {
    x: &'a [&'a [f32]],
    a: &'a [&'a [f32]],
    v: &'a mut [f32],
}

impl WithSimd for Shrink<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rank = self.a.len();
        for (x, v) in self.x.chunks(ROWS).zip(self.v.chunks_mut(ROWS * rank.max(1))) {
            for first in (0..rank).step_by(RANKS) {
                let last = rank - 1;
                let a: [&[f32]; RANKS] = std::array::from_fn(|k| self.a[(first + k).min(last)]);
                let mut put = |row: usize, sums: [f32; RANKS]| {
                    let kept = RANKS.min(rank - first);
                    v[row * rank + first..][..kept].copy_from_slice(&sums[..kept]);
                };
                if let [x0, x1, x2, x3] = x {
                    let sums = dots(simd, [x0, x1, x2, x3], a);
                    sums.into_iter().enumerate().for_each(|(row, sums)| put(row, sums));
                } else {
                    x.iter().enumerate().for_each(|(row, x)| put(row, dots(simd, [x], a)[0]));
                }
            }
        }
    }
}

/// All scalar products of M rows with RANKS others.
#[inline(always)]
fn dots<S: Simd, const M: usize>(simd: S, x: [&[f32]; M], a: [&[f32]; RANKS]) -> [[f32; RANKS]; M] {
    let x = x.map(|row| S::as_simd_f32s(row));
    let a = a.map(|row| S::as_simd_f32s(row));
    let mut sums = [[simd.splat_f32s(0.0); RANKS]; M];
    let lanes = a.iter().map(|row| row.0.len()).chain(x.iter().map(|row| row.0.len())).min().unwrap_or(0);
    let (x_lanes, a_lanes) = (x.map(|row| &row.0[..lanes]), a.map(|row| &row.0[..lanes]));
    for lane in 0..lanes {
        for row in 0..M {
            for rank in 0..RANKS {
                sums[row][rank] = simd.mul_add_f32s(x_lanes[row][lane], a_lanes[rank][lane], sums[row][rank]);
            }
        }
    }
    let rest = |row: usize, rank: usize| x[row].1.iter().zip(a[rank].1).map(|(x, a)| x * a).sum::<f32>();
    std::array::from_fn(|row| std::array::from_fn(|rank| simd.reduce_sum_f32s(sums[row][rank]) + rest(row, rank)))
}

struct Expand<'a, 'y> {
    v: &'a [f32],
    b: &'a [&'a [f32]],
    y: &'a mut [&'y mut [f32]],
}

impl WithSimd for Expand<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rank = self.b.len();
        for first in (0..rank).step_by(RANKS) {
            let last = rank - 1;
            let b: [&[f32]; RANKS] = std::array::from_fn(|k| self.b[(first + k).min(last)]);
            for (y, v) in self.y.iter_mut().zip(self.v.chunks(rank)) {
                // A rank beyond the last has weight zero.
                let v = std::array::from_fn(|k| v.get(first + k).copied().unwrap_or(0.0));
                add(simd, y, v, b);
            }
        }
    }
}

/// `y += Σ_k v[k] · b[k]`.
#[inline(always)]
fn add<S: Simd>(simd: S, y: &mut [f32], v: [f32; RANKS], b: [&[f32]; RANKS]) {
    let (y_lanes, y_rest) = S::as_mut_simd_f32s(y);
    let b = b.map(|row| S::as_simd_f32s(row));
    let weights = v.map(|v| simd.splat_f32s(v));
    let lanes = b.iter().map(|row| row.0.len()).min().unwrap_or(0).min(y_lanes.len());
    let b_lanes = b.map(|row| &row.0[..lanes]);
    for (lane, y) in y_lanes[..lanes].iter_mut().enumerate() {
        let low = simd.mul_add_f32s(weights[0], b_lanes[0][lane], *y);
        let high = simd.mul_f32s(weights[2], b_lanes[2][lane]);
        let low = simd.mul_add_f32s(weights[1], b_lanes[1][lane], low);
        let high = simd.mul_add_f32s(weights[3], b_lanes[3][lane], high);
        *y = simd.add_f32s(low, high);
    }
    for (index, y) in y_rest.iter_mut().enumerate() {
        *y += v.iter().zip(b).map(|(v, row)| v * row.1[index]).sum::<f32>();
    }
}
