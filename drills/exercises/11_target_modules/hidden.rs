//! Hidden tests: grouped-query attention, by hand. Llama-3-8B: hidden 4096, keys and values 1024, MLP 14,336, 32 blocks.
//!
//! ```text
//! q and v, r = 16:  32 · 16 · (8192 + 5120) = 6,815,744
//! all linear, r = 1:  32 · (2 · 8192 + 2 · 5120 + 3 · 18,432) = 32 · 81,920 = 2,621,440
//! ```

use deltaw::classroom::Suite;

use super::{
    answer::{Model, equal_rank, shape_of, trained},
    tests::ALL,
};

const LLAMA3: Model = Model { hidden: 4096, kv: 1024, mlp: 14_336, layers: 32 };

pub fn register(suite: &mut Suite) {
    suite.case("grouped-query attention", 3, |case| {
        case.exact("q and v, r = 16", trained(&LLAMA3, &["q_proj", "v_proj"], 16), 6_815_744).mistake(
            "keys and values are taken for as wide as the hidden state: see grouped-query attention",
            8_388_608,
        );
        case.exact("all linear, r = 1", trained(&LLAMA3, &ALL, 1), 2_621_440);
        Ok(())
    });
    suite.case("other shapes", 1, |case| {
        let shape = |target| shape_of(&LLAMA3, target).map(|(d_out, d_in)| [d_out, d_in]);
        case.exact("k_proj", shape("k_proj"), [1024, 4096]);
        case.exact("gate_proj", shape("gate_proj"), [14_336, 4096]);
        case.exact("o_proj", shape("o_proj"), [4096, 4096]);
        Ok(())
    });
    suite.case("other budgets", 3, |case| {
        // 64 · 81,920 / 13,312 = 393.8;  1 · 13,312 / 81,920 = 0.16
        case.exact("all at r = 64 against q and v", equal_rank(&LLAMA3, &ALL, 64, &["q_proj", "v_proj"]), 393);
        case.exact("q and v at r = 1 against all", equal_rank(&LLAMA3, &["q_proj", "v_proj"], 1, &ALL), 0);
        case.exact("the same targets", equal_rank(&LLAMA3, &ALL, 8, &ALL), 8);
        case.same("no targets", equal_rank(&LLAMA3, &ALL, 8, &[]), None);
        Ok(())
    });
}
