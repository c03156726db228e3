#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{LowRank, bgmv, sgmv};

/// One adapter's numbers: A (r, in), Bᵀ (r, out), s, bias.
struct Owned {
    a: Vec<Vec<f32>>,
    b: Vec<Vec<f32>>,
    scale: f32,
    bias: Option<Vec<f32>>,
}

impl Owned {
    fn view(&self) -> LowRank<'_> {
        LowRank {
            a: self.a.iter().map(Vec::as_slice).collect(),
            b: self.b.iter().map(Vec::as_slice).collect(),
            scale: self.scale,
            bias: self.bias.as_deref(),
        }
    }
}

/// The formula, in double precision and without a thought for speed.
fn naive(x: &[Vec<f32>], y: &mut [Vec<f32>], index: &[Option<usize>], adapters: &[Owned]) {
    for (row, index) in index.iter().enumerate() {
        let Some(adapter) = index.map(|index| &adapters[index]) else { continue };
        let dot = |a: &Vec<f32>| a.iter().zip(&x[row]).map(|(a, x)| f64::from(*a) * f64::from(*x)).sum::<f64>();
        let v: Vec<f64> = adapter.a.iter().map(dot).collect();
        for (column, y) in y[row].iter_mut().enumerate() {
            let low: f64 = v.iter().zip(&adapter.b).map(|(v, b)| v * f64::from(b[column])).sum();
            let bias = adapter.bias.as_ref().map_or(0.0, |bias| f64::from(bias[column]));
            *y += (f64::from(adapter.scale) * (low + bias)) as f32;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_kernels_are_the_formula(
        ranks in prop::collection::vec(1usize..20, 1..6), rows in 1usize..80, width in 1usize..70, out in 1usize..70, seed in 0u64..1000,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut matrix = |rows: usize, columns: usize| -> Vec<Vec<f32>> {
            (0..rows).map(|_| (0..columns).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
        };
        let (x, y) = (matrix(rows, width), matrix(rows, out));
        let adapters: Vec<Owned> = ranks.iter().enumerate().map(|(number, rank)| Owned {
            a: matrix(*rank, width),
            b: matrix(*rank, out),
            scale: 0.5 + number as f32,
            bias: (number % 2 == 1).then(|| matrix(1, out).remove(0)),
        }).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed + 1);
        let index: Vec<Option<usize>> =
            (0..rows).map(|_| Some(rng.random_range(0..=adapters.len())).filter(|index| *index < adapters.len())).collect();
        let views: Vec<_> = adapters.iter().map(Owned::view).collect();
        let (flat, mut expected) = (x.concat(), y.clone());
        naive(&x, &mut expected, &index, &adapters);

        let mut gathered = y.concat();
        let mut v = bgmv::shrink(&flat, width, &index, &views);
        bgmv::expand(&mut v, &index, &views, &mut gathered, out);

        let mut segmented = y.concat();
        let segments = sgmv::segments(&index, views.len());
        let mut v = sgmv::shrink(&flat, width, &segments, &views);
        sgmv::expand(&mut v, &segments, &views, &mut segmented, out);

        for (number, expected) in expected.concat().iter().enumerate() {
            let allowed = 1e-5 * (1.0 + expected.abs());
            prop_assert!((gathered[number] - expected).abs() < allowed, "bgmv {number}");
            prop_assert!((segmented[number] - expected).abs() < allowed, "sgmv {number}");
        }
        let bare = |row: usize| index[row].is_none();
        for row in (0..rows).filter(|row| bare(*row)) {
            prop_assert_eq!(&gathered[row * out..][..out], y[row].as_slice());
            prop_assert_eq!(&segmented[row * out..][..out], y[row].as_slice());
        }
    }
}

#[test]
fn segments_hold_every_row_once_and_are_cut_when_long() {
    let index: Vec<_> = (0..100).map(|row| [Some(1), None, Some(0)][row % 3]).collect();
    let segments = sgmv::segments(&index, 2);
    let mut rows: Vec<usize> = segments.iter().flat_map(|segment| segment.rows.clone()).collect();
    rows.sort_unstable();
    assert_eq!(rows, (0..100).filter(|row| index[*row].is_some()).collect::<Vec<_>>());
    assert!(segments.iter().all(|segment| segment.rows.len() <= 32));
    assert!(segments.iter().all(|segment| segment.rows.iter().all(|row| index[*row] == Some(segment.adapter))));
}
