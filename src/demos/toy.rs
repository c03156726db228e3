//! What the demos on toy matrices share: seeded Gaussian matrices, ranks, distances.

use ndarray::{Array1, Array2};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::Error;
use crate::{
    analysis::spectrum::numerical_rank,
    linalg::{Svd, singular_values, svd},
};

/// A random source with its own seed.
pub(crate) fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A matrix of independent normal entries with standard deviation `deviation`.
pub(crate) fn gaussian(rows: usize, columns: usize, deviation: f32, random: &mut ChaCha8Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn((rows, columns), || {
        let value: f32 = StandardNormal.sample(random);
        deviation * value
    })
}

/// A vector of independent standard normal entries.
pub(crate) fn normal(length: usize, random: &mut ChaCha8Rng) -> Array1<f32> {
    Array1::from_shape_simple_fn(length, || StandardNormal.sample(random))
}

/// Euclidean norm of all entries.
pub(crate) fn norm(matrix: &Array2<f32>) -> f64 {
    matrix.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// `‖a − b‖ / ‖b‖`.
pub(crate) fn distance(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
    norm(&(a - b)) / norm(b).max(f64::MIN_POSITIVE)
}

/// Singular values, largest first.
pub(crate) fn spectrum(matrix: &Array2<f32>) -> Result<Vec<f64>, Error> {
    singular_values(matrix).map_err(|error| Error::Other(error.to_string()))
}

/// The whole decomposition.
pub(crate) fn decompose(matrix: &Array2<f32>) -> Result<Svd, Error> {
    svd(matrix).map_err(|error| Error::Other(error.to_string()))
}

/// Rank, counting singular values above 0.00001 of the largest.
pub(crate) fn rank(matrix: &Array2<f32>) -> Result<usize, Error> {
    Ok(numerical_rank(&spectrum(matrix)?, 1e-5))
}
