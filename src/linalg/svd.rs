//! Singular value decomposition, `M = U diag(σ) Vᵀ`, by faer; by the system's LAPACK with the feature `lapack`.
//!
//! ```
//! use deltaw::linalg::singular_values;
//! let values = singular_values(&ndarray::array![[3.0f32, 0.0], [4.0, 5.0]])?;
//! assert!((values[0] - 45f64.sqrt()).abs() < 1e-5 && (values[1] - 5f64.sqrt()).abs() < 1e-5);
//! # Ok::<(), deltaw::linalg::Error>(())
//! ```

use ndarray::{Array1, Array2};

use super::{Error, checked};

/// A thin decomposition of an (m, n) matrix, with p = min(m, n).
#[derive(Debug, Clone)]
pub struct Svd {
    /// Left singular vectors as columns, (m, p).
    pub u: Array2<f64>,
    /// Singular values, largest first, p of them.
    pub s: Array1<f64>,
    /// Right singular vectors as rows, (p, n).
    pub vt: Array2<f64>,
}

/// The singular values of `matrix`, largest first, min(m, n) of them. Computed in f64.
///
/// # Errors
/// See [`Error`].
pub fn singular_values(matrix: &Array2<f32>) -> Result<Vec<f64>, Error> {
    let matrix = checked(matrix)?;
    #[cfg(feature = "lapack")]
    return by_lapack::values(&matrix);
    #[cfg(not(feature = "lapack"))]
    by_faer::values(&matrix)
}

/// The thin decomposition of `matrix`. Computed in f64.
///
/// # Errors
/// See [`Error`].
pub fn svd(matrix: &Array2<f32>) -> Result<Svd, Error> {
    let matrix = checked(matrix)?;
    #[cfg(feature = "lapack")]
    return by_lapack::thin(&matrix);
    #[cfg(not(feature = "lapack"))]
    by_faer::thin(&matrix)
}

#[cfg(any(not(feature = "lapack"), test))]
mod by_faer {
    use faer::linalg::solvers::Svd as FaerSvd;
    use ndarray::{Array1, Array2};

    use super::{
        super::{Error, view},
        Svd,
    };

    pub(super) fn values(m: &Array2<f64>) -> Result<Vec<f64>, Error> {
        view(m)?.singular_values().map_err(|error| Error::Failed(format!("{error:?}")))
    }

    pub(super) fn thin(m: &Array2<f64>) -> Result<Svd, Error> {
        let parts = FaerSvd::new_thin(view(m)?).map_err(|error| Error::Failed(format!("{error:?}")))?;
        let (u, v, s) = (parts.U(), parts.V(), parts.S().column_vector());
        Ok(Svd {
            u: Array2::from_shape_fn((u.nrows(), u.ncols()), |(i, j)| u[(i, j)]),
            s: Array1::from_shape_fn(s.nrows(), |i| s[i]),
            vt: Array2::from_shape_fn((v.ncols(), v.nrows()), |(i, j)| v[(j, i)]),
        })
    }
}

#[cfg(feature = "lapack")]
mod by_lapack {
    use ndarray::Array2;
    use ndarray_linalg::{JobSvd, SVDDC as _};

    use super::{super::Error, Svd};

    pub(super) fn values(m: &Array2<f64>) -> Result<Vec<f64>, Error> {
        let (_, s, _) = m.svddc(JobSvd::None).map_err(|error| Error::Failed(error.to_string()))?;
        Ok(s.to_vec())
    }

    pub(super) fn thin(m: &Array2<f64>) -> Result<Svd, Error> {
        let (u, s, vt) = m.svddc(JobSvd::Some).map_err(|error| Error::Failed(error.to_string()))?;
        match (u, vt) {
            (Some(u), Some(vt)) => Ok(Svd { u, s, vt }),
            _ => Err(Error::Failed("LAPACK returned no vectors".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::Array2;
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn random(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Array2::from_shape_simple_fn((rows, columns), || rng.random_range(-1.0..1.0))
    }

    #[test]
    fn the_parts_multiply_back_and_are_orthonormal() {
        for (rows, columns) in [(12, 12), (20, 7), (5, 30), (1, 9), (9, 1)] {
            let matrix = random(rows, columns, 1);
            let parts = svd(&matrix).unwrap();
            let back = parts.u.dot(&Array2::from_diag(&parts.s)).dot(&parts.vt);
            let off = (&back - &matrix.mapv(f64::from)).iter().fold(0f64, |most, gap| most.max(gap.abs()));
            assert!(off < 1e-10, "{rows}x{columns}: {off}");
            let gram = parts.u.t().dot(&parts.u) - Array2::<f64>::eye(rows.min(columns));
            assert!(gram.iter().all(|gap| gap.abs() < 1e-10));
            assert!(parts.s.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
            let values = singular_values(&matrix).unwrap();
            assert!(values.iter().zip(&parts.s).all(|(a, b)| (a - b).abs() < 1e-10));
        }
    }

    #[test]
    fn the_chosen_backend_agrees_with_faer() {
        for seed in 0..5 {
            let matrix = random(17, 11, seed);
            let faer = by_faer::values(&matrix.mapv(f64::from)).unwrap();
            let chosen = singular_values(&matrix).unwrap();
            assert_eq!(faer.len(), chosen.len());
            assert!(faer.iter().zip(&chosen).all(|(a, b)| (a - b).abs() < 1e-10));
            let (ours, theirs) = (svd(&matrix).unwrap(), by_faer::thin(&matrix.mapv(f64::from)).unwrap());
            // Singular vectors are unique up to sign: their outer products are compared.
            for i in 0..11 {
                let outer = |parts: &Svd| {
                    let (u, v) = (parts.u.column(i).to_owned(), parts.vt.row(i).to_owned());
                    Array2::from_shape_fn((17, 11), |(r, c)| u[r] * v[c])
                };
                assert!((outer(&ours) - outer(&theirs)).iter().all(|gap| gap.abs() < 1e-8));
            }
        }
    }

    #[test]
    fn a_nan_is_refused() {
        assert!(matches!(singular_values(&ndarray::array![[f32::NAN]]), Err(Error::NotFinite)));
    }
}
