//! diagnosis: added, not their squares

pub fn energy(sigma: &[f64], k: usize) -> f64 {
    let all: f64 = sigma.iter().sum();
    if all > 0.0 { sigma.iter().take(k).sum::<f64>() / all } else { 1.0 }
}

pub fn rank_for(sigma: &[f64], share: f64) -> usize {
    (0..sigma.len()).find(|k| energy(sigma, *k) >= share).unwrap_or(sigma.len())
}

pub fn stable_rank(sigma: &[f64]) -> f64 {
    match sigma.first() {
        Some(first) if *first > 0.0 => sigma.iter().sum::<f64>() / first,
        _ => 0.0,
    }
}

pub fn effective_rank(sigma: &[f64]) -> f64 {
    let sum: f64 = sigma.iter().sum();
    if sum == 0.0 {
        return 0.0;
    }
    sigma.iter().filter(|v| **v > 0.0).map(|v| -(v / sum) * (v / sum).ln()).sum::<f64>().exp()
}
