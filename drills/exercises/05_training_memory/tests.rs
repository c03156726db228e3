//! Public tests. The figures of a 7B model are published: 112 GB for mixed-precision Adam and 15.12 GB for LoRA with 1 % trained (Biderman et
//! al. 2024, arXiv 2405.09673, Table S14); 65 billion numbers at 12 bytes are the 780 GB of QLoRA's introduction (arXiv 2305.14314).

use deltaw::classroom::Suite;

use super::answer::{full, gpus, lora, per_number};

const BILLION: u64 = 1_000_000_000;

pub fn register(suite: &mut Suite) {
    suite.case("bytes of a trained number", 2, |case| {
        case.exact("bf16 without a master copy, fp32 moments", per_number(2, 2, 0, 4), 12)
            .mistake("Adam has two moments, not one", 8)
            .mistake("the gradient or the weight itself is not counted", 10);
        case.exact("with an fp32 master copy", per_number(2, 2, 4, 4), 16)
            .mistake("the fp32 master copy is not counted", 12);
        Ok(())
    });
    suite.case("full fine-tuning", 1, |case| {
        case.exact("7B at 16 bytes", full(7 * BILLION, 16), 112 * BILLION);
        case.exact("65B at 12 bytes", full(65 * BILLION, 12), 780 * BILLION);
        Ok(())
    });
    suite.case("LoRA on a bf16 base", 2, |case| {
        // 7e9 · 2 + 0.07e9 · 16
        case.exact("7B, 1 % trained", lora(7 * BILLION, 16, 70_000_000, 16), 15_120_000_000u64)
            .mistake("the frozen base has neither gradient nor moments", 112 * BILLION + 1_120_000_000)
            .mistake("the frozen base still needs its weights", 1_120_000_000u64)
            .mistake("only the weights of the factors are counted, not their gradients and moments", 14_140_000_000u64);
        Ok(())
    });
    suite.case("LoRA on a 4-bit base", 1, |case| {
        case.exact("8 billion numbers of 4 bits", lora(8 * BILLION, 4, 0, 12), 4 * BILLION)
            .mistake("half a byte was rounded to zero: multiply before you divide", 0)
            .mistake("half a byte was rounded up to one", 8 * BILLION);
        Ok(())
    });
    suite.case("cards", 1, |case| {
        // 68.98e9 numbers (Llama-2-70B) at 16 bytes are 1,103.68 GB: 13.8 cards of 80 GB.
        case.exact("Llama-2-70B on 80 GB", gpus(1_103_680_000_000, 80 * BILLION), 14)
            .mistake("rounded down: the rest needs a card too", 13);
        Ok(())
    });
}
