//! NF4 (Dettmers et al. 2023, arXiv 2305.14314, §3 and appendix E): four bits, sixteen levels at quantiles of the normal distribution.
//!
//! ```text
//! positive levels: 8 quantiles from 0.9677083 down to 0.5, without the last; negative: 7 likewise, mirrored; and an exact zero;
//! all over the largest. A block of 64 weights is divided by its absolute maximum and each weight takes the nearest level.
//! ```
//!
//! Sixteen levels with an exact zero cannot be symmetric: eight are positive, seven negative. Zero is exact because padding and masked weights
//! must stay zero. The levels are quantiles of a normal distribution over its largest level, not of the normalised weights: each block is
//! scaled by its own maximum, so they are not used equally often (`deltaw demo nf4`).

/// Upper end of the quantiles: the mean of 1 − 1/32 and 1 − 1/30.
const OFFSET: f64 = 0.967_708_333_333_333_3;

/// bitsandbytes' constants, as printed in the paper's appendix E; the quantiles were computed in 32 bits and are off by up to 1.8e-7. Files
/// are made with these.
pub const PUBLISHED: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// The sixteen levels, ascending from −1 to 1, computed from the quantiles; [`PUBLISHED`] up to rounding.
#[must_use]
pub fn levels() -> [f32; 16] {
    let mut levels = [0.0; 16];
    let step = |points: usize, index: usize| OFFSET + (0.5 - OFFSET) * index as f64 / points as f64;
    for index in 0..8 {
        levels[15 - index] = normal_quantile(step(8, index));
    }
    for (index, level) in levels.iter_mut().take(7).enumerate() {
        *level = -normal_quantile(step(7, index));
    }
    let largest = levels[15];
    levels.map(|level| (level / largest) as f32)
}

/// The standard normal quantile by Newton's method on [`normal_cdf`].
fn normal_quantile(p: f64) -> f64 {
    let mut x = 0.0_f64;
    for _ in 0..60 {
        let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        x -= (normal_cdf(x) - p) / density;
    }
    x
}

/// The standard normal distribution function, by the series of Φ(x) − 1/2 (converges for every x; few terms near zero).
fn normal_cdf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= x * x / (2.0 * f64::from(n) + 1.0);
        sum += term;
    }
    0.5 + sum * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_are_the_published_ones() {
        for (ours, published) in levels().iter().zip(PUBLISHED) {
            assert!((ours - published).abs() < 2e-7, "{ours} {published}");
        }
        assert_eq!(PUBLISHED.iter().filter(|level| **level < 0.0).count(), 7);
        assert_eq!(PUBLISHED[7], 0.0);
    }
}
