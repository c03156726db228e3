//! Where NF4's sixteen numbers come from.

/// The probability of the largest level.
pub const OFFSET: f64 = (29.0 / 30.0 + 31.0 / 32.0) / 2.0;

/// The sixteen levels, ascending, from the quantile function of a distribution that is symmetric about zero.
pub fn levels(quantile: &dyn Fn(f64) -> f64) -> Vec<f64> {
    todo!()
}

/// Whether each level's negative is a level too, up to 1e-9.
pub fn symmetric(levels: &[f64]) -> bool {
    todo!()
}
