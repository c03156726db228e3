//! The label that answers of known label and known wordings suggest, by kernel ridge regression (Saunders, Gammerman and Vovk 1998).
//!
//! Every known text pulls towards its own label, the harder the more the answer is like it. The pulls are fitted together, so that ten texts
//! that say the same do not count ten times and words that right and wrong texts share count for neither.

/// The label from which the pulls start: without any likeness nothing is suggested.
const MIDDLE: f32 = 1.0;

/// Fitted pulls, one for each known text.
#[derive(Debug, Default)]
pub(super) struct Ridge {
    pulls: Vec<f32>,
}

/// A known text's label and how far the fit may miss it (added to the diagonal of the kernel matrix).
#[derive(Debug, Clone, Copy)]
pub(super) struct Pull {
    pub(super) label: f32,
    pub(super) slack: f32,
}

impl Ridge {
    /// Fits `known` texts whose likenesses to each other are `kernel`, [texts, texts] row by row; nothing is fitted where it is no such matrix.
    pub(super) fn new(kernel: &[f32], known: &[Pull]) -> Self {
        let mut matrix: Vec<f64> = kernel.iter().map(|value| f64::from(*value)).collect();
        if matrix.len() != known.len() * known.len() {
            return Self::default();
        }
        for (at, pull) in known.iter().enumerate() {
            matrix[at * known.len() + at] += f64::from(pull.slack);
        }
        let wanted = known.iter().map(|pull| f64::from(pull.label - MIDDLE)).collect();
        let pulls = solve(matrix, wanted).unwrap_or_default();
        Self { pulls: pulls.into_iter().map(|pull| pull as f32).collect() }
    }

    /// The label suggested for a text with `likenesses` to the known ones.
    pub(super) fn label(&self, likenesses: &[f32]) -> f32 {
        MIDDLE + self.pulls.iter().zip(likenesses).map(|(pull, likeness)| pull * likeness).sum::<f32>()
    }
}

/// Solves M x = b for a symmetric positive definite M, [n, n] row by row, by Cholesky's factors; none where it is not definite.
fn solve(mut matrix: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for row in 0..n {
        for column in 0..=row {
            let inner: f64 = (0..column).map(|k| matrix[row * n + k] * matrix[column * n + k]).sum();
            let rest = matrix[row * n + column] - inner;
            matrix[row * n + column] = match row == column {
                true if rest > 0.0 => rest.sqrt(),
                true => return None,
                false => rest / matrix[column * n + column],
            };
        }
    }
    for row in 0..n {
        let inner: f64 = (0..row).map(|k| matrix[row * n + k] * b[k]).sum();
        b[row] = (b[row] - inner) / matrix[row * n + row];
    }
    for row in (0..n).rev() {
        let inner: f64 = (row + 1..n).map(|k| matrix[k * n + row] * b[k]).sum();
        b[row] = (b[row] - inner) / matrix[row * n + row];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fit_solves_its_equations() {
        let x = solve(vec![4.0, 2.0, 0.6, 2.0, 5.0, 1.0, 0.6, 1.0, 3.0], vec![1.0, -2.0, 3.0]).unwrap_or_default();
        let found: Vec<f64> = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]]
            .iter()
            .map(|row| row.iter().zip(&x).map(|(m, x)| m * x).sum())
            .collect();
        assert!(found.iter().zip([1.0, -2.0, 3.0]).all(|(found, wanted)| (found - wanted).abs() < 1e-9), "{found:?}");
        assert_eq!(solve(vec![1.0, 2.0, 2.0, 1.0], vec![1.0, 1.0]), None);
    }

    #[test]
    fn texts_that_say_the_same_share_one_pull() {
        let pull = |label| Pull { label, slack: 0.2 };
        // Two right texts that are alike, and a wrong one.
        let kernel = [1.0, 0.95, 0.0, 0.95, 1.0, 0.0, 0.0, 0.0, 1.0];
        let ridge = Ridge::new(&kernel, &[pull(2.0), pull(2.0), pull(0.0)]);
        assert!(ridge.label(&[0.9, 0.9, 0.1]) > 1.6);
        assert!(ridge.label(&[0.1, 0.1, 0.9]) < 0.5);
        let even = ridge.label(&[0.5, 0.5, 0.5]);
        assert!((even - 1.0).abs() < 0.15, "{even}");
        assert!((ridge.label(&[0.0; 3]) - 1.0).abs() < 1e-6);
    }
}
