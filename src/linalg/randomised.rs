//! The largest singular values and vectors by random projection (Halko, Martinsson & Tropp 2011, arXiv 0909.4061, algorithms 4.4 and 5.1).
//!
//! ```text
//! Y = A Ω            Ω (n, k + 8) normal: Y spans, nearly, what A maps to at all strongly
//! Q = qr(Y);  twice: Q = qr(A qr(Aᵀ Q))                        powers make weak directions weaker
//! B = Qᵀ A = Û diag(σ) Vᵀ,  U = Q Û                           a small matrix instead of A
//! ```
//!
//! A takes a few products instead of a decomposition of cubic cost. What it costs is exactness where the spectrum falls slowly.

use faer::{Mat, linalg::solvers::Svd as FaerSvd};
use ndarray::{Array1, Array2};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{Error, Svd, checked, view};

/// Directions beyond those that are asked for.
const MORE: usize = 8;
/// Rounds of power iteration.
const POWERS: usize = 2;

/// The `k` largest singular values of an (m, n) `matrix` with their vectors, U (m, k) and Vᵀ (k, n); all of them if k reaches min(m, n).
///
/// ```
/// use ndarray::Array2;
/// // 300 × 200 of rank one: its only singular value is the product of the lengths.
/// let matrix = Array2::from_shape_fn((300, 200), |(i, j)| (i as f32).sin() * (j as f32).cos());
/// let length = |v: Vec<f64>| v.iter().map(|x| x * x).sum::<f64>().sqrt();
/// let exact = length((0..300).map(|i| f64::from(i).sin()).collect()) * length((0..200).map(|j| f64::from(j).cos()).collect());
/// let top = deltaw::linalg::top(&matrix, 3, 0)?;
/// assert!((top.s[0] - exact).abs() < 1e-4 && top.s[1] < 1e-4);
/// # Ok::<(), deltaw::linalg::Error>(())
/// ```
///
/// # Errors
/// See [`Error`].
pub fn top(matrix: &Array2<f32>, k: usize, seed: u64) -> Result<Svd, Error> {
    let (rows, columns) = matrix.dim();
    let wanted = k.min(rows).min(columns);
    let matrix = checked(matrix)?;
    let a = view(&matrix)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let width = (wanted + MORE).min(rows).min(columns);
    let random = Mat::from_fn(columns, width, |_, _| rng.sample::<f64, _>(StandardNormal));
    let span = |y: Mat<f64>| y.qr().compute_thin_Q();
    let mut q = span(a * random);
    for _ in 0..POWERS {
        let back = span(a.transpose() * &q);
        q = span(a * back);
    }
    let small = q.transpose() * a;
    let parts = FaerSvd::new_thin(small.as_ref()).map_err(|error| Error::Failed(format!("{error:?}")))?;
    let (u, v, s) = (&q * parts.U(), parts.V(), parts.S().column_vector());
    Ok(Svd {
        u: Array2::from_shape_fn((rows, wanted), |(i, j)| u[(i, j)]),
        s: Array1::from_shape_fn(wanted, |i| s[i]),
        vt: Array2::from_shape_fn((wanted, columns), |(i, j)| v[(j, i)]),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{super::svd, *};

    /// A matrix whose singular values fall by half from one to the next.
    fn falling(rows: usize, columns: usize) -> Array2<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut random =
            |shape: (usize, usize)| Array2::from_shape_simple_fn(shape, || rng.sample::<f32, _>(StandardNormal));
        let (u, v) = (random((rows, 20)), random((20, columns)));
        let sizes = Array1::from_shape_fn(20, |i| 0.5f32.powi(i as i32));
        (u * sizes).dot(&v)
    }

    #[test]
    fn the_top_of_the_spectrum_is_that_of_the_whole_decomposition() {
        for (rows, columns) in [(60, 40), (40, 90), (30, 30)] {
            let matrix = falling(rows, columns);
            let (whole, top) = (svd(&matrix).unwrap(), top(&matrix, 6, 1).unwrap());
            assert_eq!((top.u.dim(), top.s.len(), top.vt.dim()), ((rows, 6), 6, (6, columns)));
            for i in 0..6 {
                assert!((top.s[i] / whole.s[i] - 1.0).abs() < 1e-6, "{rows}x{columns}, value {i}");
                let along: f64 = top.vt.row(i).dot(&whole.vt.row(i));
                assert!((along.abs() - 1.0).abs() < 1e-4, "{rows}x{columns}, vector {i}: {along}");
            }
            let gram = top.u.t().dot(&top.u) - Array2::<f64>::eye(6);
            assert!(gram.iter().all(|gap| gap.abs() < 1e-10));
        }
    }

    #[test]
    fn more_than_there_are_gives_all_and_a_nan_is_refused() {
        let matrix = falling(5, 9);
        let (whole, all) = (svd(&matrix).unwrap(), top(&matrix, 50, 0).unwrap());
        assert_eq!(all.s.len(), 5);
        assert!(all.s.iter().zip(&whole.s).all(|(a, b)| (a - b).abs() < 1e-9));
        assert!(top(&ndarray::array![[f32::NAN, 1.0]], 1, 0).is_err());
        assert_eq!(top(&matrix, 0, 0).unwrap().s.len(), 0);
    }
}
