//! Hidden tests: small numbers, where every byte shows, and bounds.

use deltaw::classroom::Suite;

use super::{
    answer::{Job, Way, choose, largest_rank, state_bytes},
    tests::name,
};

pub fn register(suite: &mut Suite) {
    suite.case("a base of 65 numbers", 3, |case| {
        let job = Job { base: 65, adapter: 3, activations: 10 };
        case.exact("full", state_bytes(Way::Full, &job), 1040u64);
        case.exact("LoRA", state_bytes(Way::Lora, &job), 178u64);
        // 33 bytes of codes, 2 blocks, 4 bytes for the begun 256 blocks, 48 for the adapter.
        case.exact("QLoRA", state_bytes(Way::Qlora, &job), 87u64)
            .mistake("a begun byte or block counts whole: round up", 81u64);
        case.exact(
            "257 blocks",
            state_bytes(Way::Qlora, &Job { base: 64 * 257, adapter: 0, activations: 0 }),
            8224u64 + 257 + 8,
        );
        Ok(())
    });
    suite.case("every budget around the limits", 3, |case| {
        let job = Job { base: 65, adapter: 3, activations: 10 };
        case.same("1050", name(choose(&job, 1050)), Some("full fine-tuning"));
        case.same("1049", name(choose(&job, 1049)), Some("LoRA"));
        case.same("188", name(choose(&job, 188)), Some("LoRA"));
        case.same("187", name(choose(&job, 187)), Some("QLoRA"));
        case.same("97", name(choose(&job, 97)), Some("QLoRA"));
        case.same("96", name(choose(&job, 96)), None);
        Ok(())
    });
    suite.case("ranks around the limits", 2, |case| {
        // LoRA: 130 + 10 fixed, 16 · 5 = 80 a rank. QLoRA: 39 + 10 fixed.
        let job = Job { base: 65, adapter: 1000, activations: 10 };
        let rank = |way, budget| largest_rank(way, &job, 5, budget);
        case.exact("two just fit", rank(Way::Lora, 300), Some(2u64));
        case.exact("two just do not", rank(Way::Lora, 299), Some(1u64));
        case.exact("one does not", rank(Way::Lora, 219), None::<u64>);
        case.exact("QLoRA", rank(Way::Qlora, 300), Some(3u64));
        case.exact("nothing fits", rank(Way::Qlora, 0), None::<u64>);
        Ok(())
    });
}
