//! Public tests. With the uniform distribution's quantile, p - 1/2, the levels are whole sevenths below zero and eighths above. With the normal
//! one they are the table that bitsandbytes 0.50.2 holds.

use candle_core::cpu::erf::erf_inv;
use deltaw::classroom::Suite;

use super::answer::{levels, symmetric};

pub const NF4: [f64; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_1,
    -0.394_917_5,
    -0.284_441_4,
    -0.184_773_4,
    -0.091_050_0,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_2,
    0.440_709_8,
    0.562_617_0,
    0.722_956_8,
    1.0,
];

/// Φ⁻¹
pub fn normal(p: f64) -> f64 {
    2f64.sqrt() * erf_inv(2.0 * p - 1.0)
}

pub fn register(suite: &mut Suite) {
    suite.case("a uniform distribution", 3, |case| {
        let want = [-7, -6, -5, -4, -3, -2, -1].map(|n| f64::from(n) / 7.0);
        let want = [&want[..], &[0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]].concat();
        let eight_below: Vec<f64> = want.iter().rev().map(|level| -level).collect();
        let both_eight: Vec<f64> = (-8..=8).map(|n| f64::from(n) / 8.0).collect();
        let no_zero: Vec<f64> = (-8..=8).filter(|n| *n != 0).map(|n| f64::from(n) / 8.0).collect();
        let largest = super::answer::OFFSET - 0.5;
        let undivided: Vec<f64> = want.iter().map(|level| level * largest).collect();
        let mut falling = want.clone();
        falling.reverse();
        case.close("levels", levels(&|p| p - 0.5), want, 1e-9)
            .mistake("eight levels are below zero and seven above: it is the other way round", eight_below)
            .mistake("eight levels on both sides make seventeen: the negative side has seven", both_eight)
            .mistake("zero is not a level: it must be exact", no_zero)
            .mistake("the levels are not divided by the largest", undivided)
            .mistake("the levels must ascend", falling);
        Ok(())
    });
    suite.case("the normal distribution", 3, |case| {
        case.close("levels", levels(&normal), NF4, 1e-6);
        Ok(())
    });
    suite.case("is it symmetric?", 1, |case| {
        case.that("a symmetric table", symmetric(&[-1.0, -0.25, 0.0, 0.25, 1.0]), "this one is symmetric");
        case.that(
            "one more above",
            !symmetric(&[-1.0, 0.0, 0.25, 1.0]),
            "0.25 has no negative here: look at each level",
        );
        case.that(
            "one more below",
            !symmetric(&[-1.0, -0.25, 0.0, 1.0]),
            "-0.25 has no negative here: look at each level",
        );
        Ok(())
    });
}
