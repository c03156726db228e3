//! Hidden tests: other accesses, by hand.

use deltaw::classroom::Suite;

use super::answer::{paged, pages, touch};

pub fn register(suite: &mut Suite) {
    suite.case("hits keep a page young", 3, |case| {
        // 5 6 fault; 5 hit; 7 faults, 6 goes; 5 hit; 6 faults, 7 goes; 5 hit. Left: 6 5.
        let (faults, left) = touch(&[5, 6, 5, 7, 5, 6, 5], 2);
        case.exact("faults", faults, 4);
        case.exact("on the GPU", left, [6, 5]);
        Ok(())
    });
    suite.case("room for one, and for none", 2, |case| {
        let (faults, left) = touch(&[1, 1, 2, 1], 1);
        case.exact("faults", faults, 3);
        case.exact("on the GPU", left, [1]);
        let (faults, left) = touch(&[1, 1, 2], 0);
        case.exact("faults without room", faults, 3);
        case.that("nothing is on the GPU", left.is_empty(), "a capacity of zero holds no page");
        Ok(())
    });
    suite.case("two steps of Adam with room to spare", 1, |case| {
        let (faults, left) = touch(&[0, 1, 2, 0, 1, 2], 8);
        case.exact("faults", faults, 3);
        case.exact("on the GPU", left, [0, 1, 2]);
        Ok(())
    });
    suite.case("thresholds and whole pages", 2, |case| {
        case.exact("1024 numbers, pages of 4096", pages(1024, 4096), 2)
            .mistake("one page too many when the last is just full", 4);
        case.exact("262,144 numbers, pages of 65,536", pages(262_144, 65_536), 32);
        case.exact("no numbers", pages(0, 4096), 0);
        case.that("100,000", paged(100_000), "the threshold itself is paged");
        case.that("99,999", !paged(99_999), "one less than the threshold is not paged");
        Ok(())
    });
}
