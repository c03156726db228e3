//! Hidden tests: other sizes and a table without a pattern, by hand.
//!
//! ```text
//! c = (4, 8, 9, 3, 1)    μ = 5    e = (-1, 3, 4, -2, -4)    groups of three: C = (4, 4)    e / C = (-0.25, 0.75, 1, -0.5, -1)
//! table (-1, -0.4, 0, 0.1, 0.6, 1): codes 1 (0.15 away, 0.25 from 0), 4, 5, 1, 0;  back (3.4, 7.4, 9, 3.4, 1)
//! ```

use deltaw::classroom::Suite;

use super::answer::{bits, bits_single, decode, encode};

const TABLE: [f64; 6] = [-1.0, -0.4, 0.0, 0.1, 0.6, 1.0];

pub fn register(suite: &mut Suite) {
    suite.case("other blocks", 2, |case| {
        case.close("blocks of 32, one constant each", bits_single(32), 5.0, 1e-12);
        case.close("blocks of 32, groups of 64", bits(32, 64), 4.265_625, 1e-12);
        case.close("what is saved at 64 and 256", bits_single(64) - bits(64, 256), 0.373_046_875, 1e-12);
        Ok(())
    });
    suite.case("another table, a short last group", 3, |case| {
        let constants = encode(&[4.0, 8.0, 9.0, 3.0, 1.0], &TABLE, 3);
        case.close("mean", constants.mean, 5.0, 1e-12);
        case.close("scales", &constants.scales, [4.0, 4.0], 1e-12);
        case.exact("codes", &constants.codes, [1, 4, 5, 1, 0]);
        case.close("back", decode(&constants, &TABLE, 3), [3.4, 7.4, 9.0, 3.4, 1.0], 1e-12);
        Ok(())
    });
    suite.case("one constant", 1, |case| {
        let constants = encode(&[0.5], &TABLE, 256);
        case.exact("codes", &constants.codes, [2]);
        case.close("back", decode(&constants, &TABLE, 256), [0.5], 1e-12);
        Ok(())
    });
}
