//! Public tests, worked by hand:
//!
//! ```text
//! block (1, -2, 0, 0.5): absmax 2, so (0.5, -1, 0, 0.25)
//! 0.5 lies between 0.4407 (code 12, 0.0593 away) and 0.5626 (13, 0.0626): 12.   -1 is code 0, 0 is 7, 0.25 is nearest to 0.2461: 10
//! bytes: 12·16 + 0 = 192, 7·16 + 10 = 122
//! ```

use deltaw::classroom::Suite;

use super::answer::{LEVELS, dequantise, pack, quantise};

pub fn register(suite: &mut Suite) {
    suite.case("one block", 2, |case| {
        let (absmax, codes) = quantise(&[1.0, -2.0, 0.0, 0.5], 4);
        case.exact("absmax", absmax, [2.0])
            .mistake("the largest value is taken; it is the largest absolute value", [1.0])
            .mistake("absmax is the largest absolute value, not the range", [3.0]);
        case.exact("codes", codes, [12, 0, 7, 10])
            .mistake("the weights are not divided by absmax", [15, 0, 7, 12])
            .mistake("the level above is taken; it is the nearest", [13, 0, 7, 11])
            .mistake("the levels are taken for evenly spaced: look for the nearest of LEVELS", [11, 0, 8, 9]);
        Ok(())
    });
    suite.case("the nearest level, not the one below", 1, |case| {
        // 0.9 is 0.1 from code 15 and 0.177 from 14; -0.8 is 0.104 from code 1 and 0.2 from 0; 0.04 is 0.0396 from 8 and 0.04 from 7.
        let (_, codes) = quantise(&[1.0, 0.9, -0.8, 0.04], 4);
        case.exact("codes", codes, [15, 15, 1, 8])
            .mistake("the level below is taken; it is the nearest", [15, 14, 0, 7]);
        Ok(())
    });
    suite.case("each block has its own absmax", 2, |case| {
        let (absmax, codes) = quantise(&[1.0, -1.0, 10.0, 0.0, -4.0], 2);
        case.exact("absmax", absmax, [1.0, 10.0, 4.0])
            .mistake("the last, shorter block is left out", [1.0, 10.0])
            .mistake("one absmax for all: each block has its own", [10.0]);
        case.exact("codes", codes, [15, 0, 15, 7, 0]);
        Ok(())
    });
    suite.case("a block of zeros", 1, |case| {
        let (absmax, codes) = quantise(&[0.0, 0.0, 3.0], 2);
        case.exact("absmax", absmax, [0.0, 3.0]);
        case.exact("codes", codes, [7, 7, 15])
            .mistake("zero over zero is NaN, and NaN has no nearest level", [0, 0, 15])
            .mistake("zero over zero is NaN, and NaN has no nearest level", [15, 15, 15]);
        Ok(())
    });
    suite.case("packing", 2, |case| {
        case.exact("bytes", pack(&[12, 0, 7, 10]), [192, 122])
            .mistake("the first code is in the low half; it belongs in the high one", [12, 167])
            .mistake("one byte to a code: two codes share a byte", [12, 0, 7, 10]);
        case.exact("an odd count", pack(&[12, 0, 9]), [192, 9 * 16 + 7])
            .mistake("the padding is code 0, which stands for -1; zero is code 7", [192, 9 * 16])
            .mistake("the odd one out is lost", [192]);
        Ok(())
    });
    suite.case("back again", 2, |case| {
        let want = [2.0 * LEVELS[12], -2.0, 0.0, 3.0 * LEVELS[10], 3.0];
        let padded = [192, 122, 0xf7];
        // The middle byte belongs to both blocks: its halves have different scales.
        case.close("numbers", dequantise(&padded, &[2.0, 3.0], 3, 5), want, 1e-6)
            .mistake(
                "the padding came back as a number: stop at the count",
                [want[0], want[1], want[2], want[3], want[4], 0.0],
            )
            .mistake("the numbers are not multiplied by absmax", [LEVELS[12], -1.0, 0.0, LEVELS[10], 1.0])
            .mistake("the halves of a byte are exchanged", [-2.0, 2.0 * LEVELS[12], 2.0 * LEVELS[10], 0.0, 0.0]);
        Ok(())
    });
}
