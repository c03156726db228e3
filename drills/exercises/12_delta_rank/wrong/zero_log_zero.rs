//! diagnosis: NaN

pub fn energy(sigma: &[f64], k: usize) -> f64 {
    let squares = |s: &[f64]| s.iter().map(|v| v * v).sum::<f64>();
    squares(&sigma[..k.min(sigma.len())]) / squares(sigma)
}

pub fn rank_for(sigma: &[f64], share: f64) -> usize {
    (0..sigma.len()).find(|k| energy(sigma, *k) >= share).unwrap_or(sigma.len())
}

pub fn stable_rank(sigma: &[f64]) -> f64 {
    sigma.iter().map(|v| v * v).sum::<f64>() / (sigma[0] * sigma[0])
}

pub fn effective_rank(sigma: &[f64]) -> f64 {
    let sum: f64 = sigma.iter().sum();
    sigma.iter().map(|v| -(v / sum) * (v / sum).ln()).sum::<f64>().exp()
}
