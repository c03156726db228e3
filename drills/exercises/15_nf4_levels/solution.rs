//! Where NF4's sixteen numbers come from.
//!
//! Dettmers et al. 2023 (arXiv 2305.14314) §3, as bitsandbytes builds the table. `deltaw::quant` holds the result.

/// The probability of the largest level.
pub const OFFSET: f64 = (29.0 / 30.0 + 31.0 / 32.0) / 2.0;

/// The sixteen levels, ascending, from the quantile function of a distribution that is symmetric about zero.
pub fn levels(quantile: &dyn Fn(f64) -> f64) -> Vec<f64> {
    // `count` probabilities from OFFSET downwards. The next would be 0.5, whose quantile is zero: zero is put in once, by hand.
    let half = |count: u32| {
        let step = (OFFSET - 0.5) / f64::from(count);
        (0..count).map(move |place| quantile(OFFSET - step * f64::from(place)))
    };
    let largest = quantile(OFFSET);
    let mut levels: Vec<f64> =
        half(7).map(|level| -level).chain([0.0]).chain(half(8)).map(|level| level / largest).collect();
    levels.sort_by(f64::total_cmp);
    levels
}

/// Whether each level's negative is a level too, up to 1e-9.
pub fn symmetric(levels: &[f64]) -> bool {
    levels.iter().all(|level| levels.iter().any(|other| (level + other).abs() < 1e-9))
}
