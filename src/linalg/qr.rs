//! QR decomposition, `M = Q R`, by faer.

use ndarray::Array2;

use super::{Error, checked, view};

/// The reduced decomposition of an (m, n) `matrix`, with p = min(m, n): Q (m, p) with orthonormal columns, R (p, n) upper triangular.
///
/// # Errors
/// An entry is not finite.
pub fn qr(matrix: &Array2<f32>) -> Result<(Array2<f64>, Array2<f64>), Error> {
    let matrix = checked(matrix)?;
    let parts = view(&matrix)?.qr();
    let (q, r) = (parts.compute_thin_Q(), parts.thin_R());
    Ok((
        Array2::from_shape_fn((q.nrows(), q.ncols()), |(i, j)| q[(i, j)]),
        Array2::from_shape_fn((r.nrows(), r.ncols()), |(i, j)| if i <= j { r[(i, j)] } else { 0.0 }),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_factors_multiply_back_and_q_is_orthonormal() {
        for (rows, columns) in [(6, 6), (9, 4), (4, 9)] {
            let matrix = Array2::from_shape_fn((rows, columns), |(i, j)| ((3 * i + 5 * j) as f32).sin());
            let (q, r) = qr(&matrix).unwrap();
            let off = (q.dot(&r) - matrix.mapv(f64::from)).iter().fold(0f64, |most, gap| most.max(gap.abs()));
            let gram = q.t().dot(&q) - Array2::<f64>::eye(rows.min(columns));
            assert!(off < 1e-12 && gram.iter().all(|gap| gap.abs() < 1e-12), "{rows}x{columns}");
        }
    }
}
