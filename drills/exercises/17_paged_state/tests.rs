//! Public tests, worked by hand:
//!
//! ```text
//! accesses 0 1 2 0 3, three pages fit:  0, 1, 2 fault;  0 is there;  3 faults and 1 goes, untouched for longest.  Left: 2 0 3
//! first in, first out would send 0 away and leave 1 2 3
//! ```

use deltaw::classroom::Suite;

use super::answer::{paged, pages, touch};

pub fn register(suite: &mut Suite) {
    suite.case("all fits", 1, |case| {
        let (faults, left) = touch(&[7, 8, 7, 7, 8], 2);
        case.exact("faults", faults, 2)
            .mistake("every access is counted as a fault", 5)
            .mistake("the first touch of a page is a fault too", 0);
        case.exact("on the GPU", left, [7, 8]);
        Ok(())
    });
    suite.case("one page must go", 3, |case| {
        let (faults, left) = touch(&[0, 1, 2, 0, 3], 3);
        case.exact("faults", faults, 4)
            .mistake("the first touch of a page is a fault too", 1)
            .mistake("every access is counted as a fault", 5);
        case.exact("on the GPU", left, [2, 0, 3])
            .mistake("the page that came first goes; it should be the one untouched for longest", [1, 2, 3])
            .mistake("the page touched last goes; it should be the one untouched for longest", [0, 1, 3])
            .mistake("nothing goes: the GPU holds more than its capacity", [1, 2, 0, 3])
            .mistake("the order is the other way round: longest untouched first", [3, 0, 2]);
        Ok(())
    });
    suite.case("a sweep over one page too many", 2, |case| {
        let (faults, left) = touch(&[0, 1, 2, 0, 1, 2], 2);
        case.exact("faults", faults, 6)
            .mistake("the page touched last goes; it should be the one untouched for longest", 4)
            .mistake("off by one: one page more is held than fits", 3);
        case.exact("on the GPU", left, [1, 2]);
        Ok(())
    });
    suite.case("pages of a tensor", 2, |case| {
        // 1000 numbers are 4000 bytes, one page of 4096; two moments.
        case.exact("1000 numbers, pages of 4096", pages(1000, 4096), 2)
            .mistake("Adam has two moments", 1)
            .mistake("rounded down: a page that is begun counts", 0);
        case.exact("1025 numbers, pages of 4096", pages(1025, 4096), 4)
            .mistake("rounded down: a page that is begun counts", 2)
            .mistake("the moments are put together before rounding: they share no page", 3);
        Ok(())
    });
    suite.case("what is paged at all", 1, |case| {
        // A LoRA factor on 4096 inputs: r = 16 has 65,536 numbers, r = 64 has 262,144.
        case.that("r = 64", paged(262_144), "262,144 elements are paged");
        case.that("r = 16", !paged(65_536), "65,536 elements are not paged: the threshold is 100,000");
        Ok(())
    });
}
