//! How many directions an update has.

/// Share of the sum of squares in the first `k` singular values; `k` may be larger than there are.
pub fn energy(sigma: &[f64], k: usize) -> f64 {
    todo!()
}

/// The fewest directions that hold at least `share` of the energy.
pub fn rank_for(sigma: &[f64], share: f64) -> usize {
    todo!()
}

/// Sum of squares over the largest square.
pub fn stable_rank(sigma: &[f64]) -> f64 {
    todo!()
}

/// Exponential of the entropy of the values divided by their sum.
pub fn effective_rank(sigma: &[f64]) -> f64 {
    todo!()
}
