//! Hidden tests: the cube of the uniform quantile gives cubes of sevenths and eighths; a wider distribution gives the same table.

use deltaw::classroom::Suite;

use super::{
    answer::{levels, symmetric},
    tests::{NF4, normal},
};

pub fn register(suite: &mut Suite) {
    suite.case("cubes", 2, |case| {
        let below = (-7..0).map(|n| (f64::from(n) / 7.0).powi(3));
        let want: Vec<f64> = below.chain((0..=8).map(|n| (f64::from(n) / 8.0).powi(3))).collect();
        case.close("levels", levels(&|p| (p - 0.5).powi(3)), want, 1e-9);
        Ok(())
    });
    suite.case("the width does not matter", 2, |case| {
        case.close("levels of a normal distribution ten times as wide", levels(&|p| 10.0 * normal(p)), NF4, 1e-6);
        Ok(())
    });
    suite.case("the shape of the table", 2, |case| {
        let table = levels(&normal);
        case.exact("how many", table.len(), 16);
        case.exact("below zero", table.iter().filter(|level| **level < 0.0).count(), 7);
        case.exact("zero itself", table[7], 0.0);
        case.that("asymmetric", !symmetric(&table), "NF4 is not symmetric");
        Ok(())
    });
}
