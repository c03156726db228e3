//! Public tests. A base of 7·10⁹ numbers, an adapter of 20·10⁶, activations of 2 GB:
//!
//! ```text
//! full   16 · 7e9                 = 112,000,000,000
//! LoRA   2 · 7e9 + 16 · 20e6      =  14,320,000,000
//! QLoRA  3,500,000,000 halves of a byte, 109,375,000 blocks, 427,247 times 4 bytes, 320,000,000: 3,931,083,988
//! ```

use deltaw::classroom::Suite;

use super::answer::{Job, Way, choose, largest_rank, state_bytes};

const JOB: Job = Job { base: 7_000_000_000, adapter: 20_000_000, activations: 2_000_000_000 };

/// A way in words: whether two of the student's own values are equal is for the tests to say.
pub fn name(way: Option<Way>) -> Option<&'static str> {
    way.map(|way| match way {
        Way::Full => "full fine-tuning",
        Way::Lora => "LoRA",
        Way::Qlora => "QLoRA",
    })
}

pub fn register(suite: &mut Suite) {
    suite.case("bytes of each way", 3, |case| {
        case.exact("full", state_bytes(Way::Full, &JOB), 112_000_000_000u64)
            .mistake("the 32-bit copy of the weights is missing", 84_000_000_000u64)
            .mistake("only the weights are counted: gradients and Adam's moments take more", 14_000_000_000u64)
            .mistake("full fine-tuning has no adapter", 112_320_000_000u64);
        case.exact("LoRA", state_bytes(Way::Lora, &JOB), 14_320_000_000u64)
            .mistake("the frozen base has gradients and states: it needs 2 bytes a number", 112_320_000_000u64)
            .mistake(
                "the adapter's gradients and states are missing: 16 bytes for each of its numbers",
                14_040_000_000u64,
            );
        case.exact("QLoRA", state_bytes(Way::Qlora, &JOB), 3_931_083_988u64)
            .mistake("the scales of the blocks are missing", 3_820_000_000u64)
            .mistake("4 bits are taken for 4 bytes", 28_431_083_988u64)
            .mistake("the scales are in 32 bits; double quantisation keeps them in 8", 4_257_500_000u64)
            .mistake("the constants of the second level are missing: 4 bytes for each 256 blocks", 3_929_375_000u64)
            .mistake("a begun group of 256 blocks counts whole: round up", 3_931_083_984u64);
        Ok(())
    });
    suite.case("which fits", 3, |case| {
        case.same("on 80 GB", name(choose(&JOB, 80_000_000_000)), Some("LoRA"))
            .mistake_same("the first that fits is wanted, not the smallest", Some("QLoRA"))
            .mistake_same("full fine-tuning does not fit: it needs 114 GB", Some("full fine-tuning"));
        case.same("on 16 GB", name(choose(&JOB, 16_000_000_000)), Some("QLoRA"))
            .mistake_same("the activations are left out", Some("LoRA"));
        case.same("on 5 GB", name(choose(&JOB, 5_000_000_000)), None)
            .mistake_same("the activations are left out", Some("QLoRA"));
        case.same("on exactly what LoRA needs", name(choose(&JOB, 16_320_000_000)), Some("LoRA"))
            .mistake_same("off by one: what needs exactly the budget fits", Some("QLoRA"));
        Ok(())
    });
    suite.case("the largest rank", 3, |case| {
        // Query and value of Llama-2-7B: 32 · 2 · (4096 + 4096) = 524,288 numbers a rank. (24e9 - 16e9) / (16 · 524,288) = 953.67
        let rank = |way, budget| largest_rank(way, &JOB, 524_288, budget);
        case.exact("LoRA on 24 GB", rank(Way::Lora, 24_000_000_000), Some(953u64))
            .mistake("a rank that fits in part does not fit: round down", Some(954u64))
            .mistake("the adapter is counted that the rank replaces", Some(915u64))
            .mistake("the activations are left out", Some(1192u64))
            .mistake("the gradients and states of the adapter are left out", Some(7629u64));
        // A wrapped subtraction gives a rank of trillions.
        case.exact("LoRA on 10 GB", rank(Way::Lora, 10_000_000_000), None::<u64>);
        case.exact("LoRA where rank 1 does not fit", rank(Way::Lora, 16_000_000_001), None::<u64>)
            .mistake("rank 0 is no adapter: say None", Some(0u64));
        case.exact("full fine-tuning", rank(Way::Full, 200_000_000_000), None::<u64>);
        Ok(())
    });
}
