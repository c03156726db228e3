//! How many directions an update has.
//!
//! `deltaw::analysis` computes the same on an adapter's file, from the small factors without forming ΔW.

/// Share of the sum of squares in the first `k` singular values; `k` may be larger than there are.
pub fn energy(sigma: &[f64], k: usize) -> f64 {
    let all = squares(sigma);
    // Squares: ‖ΔW‖² in Frobenius' norm is the sum of σ².
    if all > 0.0 { squares(&sigma[..k.min(sigma.len())]) / all } else { 1.0 }
}

/// The fewest directions that hold at least `share` of the energy.
pub fn rank_for(sigma: &[f64], share: f64) -> usize {
    // From none upwards. If rounding keeps even the whole sum below the share, all of them are needed.
    (0..sigma.len()).find(|k| energy(sigma, *k) >= share).unwrap_or(sigma.len())
}

/// Sum of squares over the largest square.
pub fn stable_rank(sigma: &[f64]) -> f64 {
    match sigma.first() {
        Some(largest) if *largest > 0.0 => squares(sigma) / (largest * largest),
        _ => 0.0,
    }
}

/// Exponential of the entropy of the values divided by their sum.
pub fn effective_rank(sigma: &[f64]) -> f64 {
    let sum: f64 = sigma.iter().sum();
    if sum == 0.0 {
        return 0.0;
    }
    // 0 · ln 0 counts as 0, its limit; computed, it would be NaN.
    let entropy: f64 =
        sigma.iter().filter(|value| **value > 0.0).map(|value| -(value / sum) * (value / sum).ln()).sum();
    entropy.exp()
}

fn squares(sigma: &[f64]) -> f64 {
    sigma.iter().map(|value| value * value).sum()
}
