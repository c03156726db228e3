//! Public tests, worked by hand:
//!
//! ```text
//! c = (1, 2, 3, 6)    μ = 3    e = (-2, -1, 0, 3)    groups of two: C = (2, 3)    e / C = (-1, -1/2, 0, 1)
//! table (-1, -1/2, 0, 1/2, 1): codes 0, 1, 2, 4, and back it is exact
//! 4 + 8/64 + 32/(64 · 256) = 4 + 0.125 + 0.001953125
//! ```

use deltaw::classroom::Suite;

use super::answer::{Constants, bits, bits_single, decode, encode};

pub const TABLE: [f64; 5] = [-1.0, -0.5, 0.0, 0.5, 1.0];

pub fn register(suite: &mut Suite) {
    suite.case("bits per weight", 2, |case| {
        case.close("blocks of 64, one constant each", bits_single(64), 4.5, 1e-12)
            .mistake("bytes are taken for bits: fp32 has 32", 4.0625);
        case.close("blocks of 64, groups of 256", bits(64, 256), 4.126_953_125, 1e-12)
            .mistake("the fp32 constant of each group is missing", 4.125)
            .mistake("a group's constant serves group times block weights", 4.25)
            .mistake("the blocks' constants have 8 bits now, not 32", 4.501_953_125)
            .mistake("the 4 bits of the code itself are missing", 0.126_953_125)
            .mistake("bytes are taken for bits", 4.0 + 1.0 / 64.0 + 4.0 / 16384.0);
        Ok(())
    });
    suite.case("encoding", 3, |case| {
        let Constants { codes, scales, mean } = encode(&[1.0, 2.0, 3.0, 6.0], &TABLE, 2);
        case.close("mean", mean, 3.0, 1e-12).mistake("the mean is not taken out: half the table lies idle", 0.0);
        case.close("scales", scales, [2.0, 3.0], 1e-12)
            .mistake("the mean is not taken out before the largest is sought", [2.0, 6.0])
            .mistake("the largest absolute value counts, signs apart", [-1.0, 3.0])
            .mistake("one scale for all: each group has its own", [3.0]);
        case.exact("codes", codes, [0, 1, 2, 4]).mistake("not divided by the group's scale", [0, 0, 2, 4]);
        Ok(())
    });
    suite.case("decoding", 2, |case| {
        let constants = Constants { codes: vec![0, 1, 2, 4, 3], scales: vec![2.0, 3.0, 4.0], mean: 3.0 };
        case.close("constants", decode(&constants, &TABLE, 2), [1.0, 2.0, 3.0, 6.0, 5.0], 1e-12)
            .mistake("the mean is not added back", [-2.0, -1.0, 0.0, 3.0, 2.0])
            .mistake("the groups' scales are left out", [2.0, 2.5, 3.0, 4.0, 3.5])
            .mistake("the mean is scaled too: add it last", [4.0, 5.0, 9.0, 12.0, 14.0]);
        Ok(())
    });
    suite.case("a group without deviations", 1, |case| {
        let Constants { codes, scales, .. } = encode(&[2.0, 2.0, 1.0, 3.0], &TABLE, 2);
        case.close("scales", scales, [0.0, 1.0], 1e-12);
        case.exact("codes", codes, [2, 2, 0, 4])
            .mistake("zero over zero is NaN, and NaN has no nearest entry", [0, 0, 0, 4])
            .mistake("zero over zero is NaN, and NaN has no nearest entry", [4, 4, 0, 4]);
        Ok(())
    });
}
