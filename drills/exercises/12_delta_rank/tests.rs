//! Public tests. (4, 3): squares 16 and 9. (3, 1): p = (3/4, 1/4), so the effective rank is e^H = 4 / 3^(3/4); from squares, p = (9/10, 1/10)
//! would give 10 / 9^(9/10).

use deltaw::classroom::Suite;

use super::answer::{effective_rank, energy, rank_for, stable_rank};

pub fn register(suite: &mut Suite) {
    suite.case("energy", 2, |case| {
        case.close("(4, 3), the first", energy(&[4.0, 3.0], 1), 0.64, 1e-12)
            .mistake("the values are added, not their squares", 4.0 / 7.0)
            .mistake("a root too many: energy is a share of the squared norm", 0.8)
            .mistake("one direction too many", 1.0)
            .mistake("one direction too few", 0.0);
        case.close("(4, 3), both", energy(&[4.0, 3.0], 2), 1.0, 1e-12);
        case.close("(4, 3), more than there are", energy(&[4.0, 3.0], 9), 1.0, 1e-12);
        Ok(())
    });
    suite.case("directions for a share", 2, |case| {
        // Squares 16, 9, 0 of 25: 0.64, then 1.
        case.exact("50 %", rank_for(&[4.0, 3.0, 0.0], 0.5), 1)
            .mistake("that is the index of the last direction, not how many", 0)
            .mistake("the values are added, not their squares", 2);
        case.exact("90 %", rank_for(&[4.0, 3.0, 0.0], 0.9), 2);
        case.exact("64 %: just enough is enough", rank_for(&[4.0, 3.0, 0.0], 0.64), 1);
        Ok(())
    });
    suite.case("stable rank", 1, |case| {
        case.close("(4, 3)", stable_rank(&[4.0, 3.0]), 25.0 / 16.0, 1e-12)
            .mistake("the values are taken, not their squares", 7.0 / 4.0)
            .mistake("divided by the largest value; divide by its square", 6.25);
        Ok(())
    });
    suite.case("effective rank", 2, |case| {
        case.close("four alike", effective_rank(&[2.0; 4]), 4.0, 1e-9)
            .mistake("that is the entropy; the rank is its exponential", 4f64.ln());
        case.close("(3, 1)", effective_rank(&[3.0, 1.0]), 4.0 / 3f64.powf(0.75), 1e-9)
            .mistake("p comes from the values, not from their squares", 10.0 / 9f64.powf(0.9))
            .mistake("the values are not divided by their sum", (-3.0 * 3f64.ln()).exp());
        Ok(())
    });
    suite.case("zeros among them", 1, |case| {
        case.close("effective rank of (5, 0)", effective_rank(&[5.0, 0.0]), 1.0, 1e-12);
        case.close("stable rank of (5, 0)", stable_rank(&[5.0, 0.0]), 1.0, 1e-12);
        Ok(())
    });
}
