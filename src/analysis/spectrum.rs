//! What a spectrum says about a matrix.
//!
//! ```
//! use deltaw::analysis::spectrum::{effective_rank, energy_at, stable_rank};
//! let spectrum = [2.0, 2.0, 0.0];
//! assert!((effective_rank(&spectrum) - 2.0).abs() < 1e-12);
//! assert_eq!(stable_rank(&spectrum), 2.0);
//! assert_eq!(energy_at(&spectrum, 1), 0.5);
//! ```

/// `exp(H)` of the singular values as a distribution, `H = −Σ p ln p`, `p = σ / Σσ` (Roy & Vetterli 2007, "The effective rank"). 0 for
/// a zero matrix, n for n equal values.
#[must_use]
pub fn effective_rank(singular_values: &[f64]) -> f64 {
    let sum: f64 = singular_values.iter().sum();
    if sum <= 0.0 {
        return 0.0;
    }
    let entropy: f64 = singular_values.iter().map(|value| value / sum).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
    entropy.exp()
}

/// `‖M‖_F² / σ₁²`: at most the rank, and little moved by small values. 0 for a zero matrix.
#[must_use]
pub fn stable_rank(singular_values: &[f64]) -> f64 {
    let largest = singular_values.iter().fold(0f64, |most, value| most.max(*value));
    if largest > 0.0 { singular_values.iter().map(|value| (value / largest).powi(2)).sum() } else { 0.0 }
}

/// Share of `‖M‖_F²` in the `rank` largest singular values (given largest first): what the best approximation of that rank keeps,
/// by Eckart and Young. 1 for a zero matrix.
#[must_use]
pub fn energy_at(singular_values: &[f64], rank: usize) -> f64 {
    let energy = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    let all = energy(singular_values);
    if all > 0.0 { energy(&singular_values[..rank.min(singular_values.len())]) / all } else { 1.0 }
}

/// How many singular values exceed `relative` times the largest.
#[must_use]
pub fn numerical_rank(singular_values: &[f64], relative: f64) -> usize {
    let largest = singular_values.iter().fold(0f64, |most, value| most.max(*value));
    singular_values.iter().filter(|value| **value > relative * largest).count()
}
