//! diagnosis: zero is not a level

pub const OFFSET: f64 = (29.0 / 30.0 + 31.0 / 32.0) / 2.0;

pub fn levels(quantile: &dyn Fn(f64) -> f64) -> Vec<f64> {
    let half = |count: u32| {
        (0..count).map(move |i| quantile(OFFSET - (OFFSET - 0.5) / f64::from(count) * f64::from(i)) / quantile(OFFSET))
    };
    let mut levels: Vec<f64> = half(8).map(|level| -level).chain(half(8)).collect();
    levels.sort_by(f64::total_cmp);
    levels
}

pub fn symmetric(levels: &[f64]) -> bool {
    levels.iter().all(|level| levels.iter().any(|other| (level + other).abs() < 1e-9))
}
