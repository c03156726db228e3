//! diagnosis: NaN

pub const OFFSET: f64 = (29.0 / 30.0 + 31.0 / 32.0) / 2.0;

pub fn levels(quantile: &dyn Fn(f64) -> f64) -> Vec<f64> {
    let half = |count: u32| (0..count).map(move |i| quantile(1.0 - 0.5 / f64::from(count) * f64::from(i)));
    let mut levels: Vec<f64> = half(7).map(|level| -level).chain([0.0]).chain(half(8)).collect();
    levels.sort_by(f64::total_cmp);
    levels.iter().map(|level| level / quantile(1.0)).collect()
}

pub fn symmetric(levels: &[f64]) -> bool {
    levels.iter().all(|level| levels.iter().any(|other| (level + other).abs() < 1e-9))
}
