//! Hidden tests: other dtypes and sizes, by hand.

use deltaw::classroom::Suite;

use super::answer::{full, gpus, lora, per_number};

pub fn register(suite: &mut Suite) {
    suite.case("other dtypes", 2, |case| {
        case.exact("all bf16", per_number(2, 2, 0, 2), 8).mistake("Adam has two moments, not one", 6);
        case.exact("all fp32", per_number(4, 4, 0, 4), 16);
        case.exact("8-bit moments, fp32 gradient, master copy", per_number(2, 4, 4, 1), 12);
        Ok(())
    });
    suite.case("other sizes", 3, |case| {
        // GaLore's introduction (arXiv 2403.03507): a 7B model all in bf16, 14 GB of weights and 42 GB of gradients and moments.
        case.exact("7B at 8 bytes", full(7_000_000_000, 8), 56_000_000_000u64);
        case.exact("nothing trained", lora(1000, 16, 0, 16), 2000);
        case.exact("1000 frozen in 4 bits, 10 trained at 12 bytes", lora(1000, 4, 10, 12), 620u64);
        case.exact("an odd number of half bytes", lora(7, 4, 0, 12), 4);
        Ok(())
    });
    suite.case("cards that are just full", 1, |case| {
        case.exact("160 on 80", gpus(160, 80), 2).mistake("one card too many when the last is just full", 3);
        case.exact("161 on 80", gpus(161, 80), 3);
        Ok(())
    });
}
