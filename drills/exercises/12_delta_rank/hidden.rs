//! Hidden tests: (6, 3, 2) has squares 36, 9, 4 of 49; (2, 1, 1) has p = (1/2, 1/4, 1/4), so H = 1.5 ln 2 and e^H = √8.

use deltaw::classroom::Suite;

use super::answer::{effective_rank, energy, rank_for, stable_rank};

pub fn register(suite: &mut Suite) {
    suite.case("another spectrum", 3, |case| {
        let sigma = [6.0, 3.0, 2.0];
        case.close("energy of 1", energy(&sigma, 1), 36.0 / 49.0, 1e-12);
        case.close("energy of 2", energy(&sigma, 2), 45.0 / 49.0, 1e-12);
        case.close("energy of none", energy(&sigma, 0), 0.0, 0.0);
        case.exact("90 %", rank_for(&sigma, 0.9), 2);
        case.exact("95 %", rank_for(&sigma, 0.95), 3);
        case.exact("70 %", rank_for(&sigma, 0.7), 1);
        case.close("stable rank", stable_rank(&sigma), 49.0 / 36.0, 1e-12);
        case.close("effective rank of (2, 1, 1)", effective_rank(&[2.0, 1.0, 1.0]), 8f64.sqrt(), 1e-9);
        Ok(())
    });
    suite.case("a larger update has the same ranks", 1, |case| {
        let (one, ten) = ([5.0, 2.0, 0.5], [50.0, 20.0, 5.0]);
        case.close("stable rank", stable_rank(&ten), (25.0 + 4.0 + 0.25) / 25.0, 1e-9);
        case.close("effective rank", effective_rank(&ten), effective_rank(&one), 1e-9);
        Ok(())
    });
    suite.case("no update", 2, |case| {
        case.close("effective rank", effective_rank(&[0.0, 0.0]), 0.0, 0.0);
        case.close("stable rank", stable_rank(&[0.0, 0.0]), 0.0, 0.0);
        case.close("energy", energy(&[0.0, 0.0], 1), 1.0, 0.0);
        case.exact("90 %", rank_for(&[0.0, 0.0], 0.9), 0);
        case.close("no values", stable_rank(&[]), 0.0, 0.0);
        Ok(())
    });
}
