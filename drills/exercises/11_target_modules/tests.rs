//! Public tests, by hand. Llama-2-7B: hidden 4096, MLP 11,008, 32 blocks, keys and values as wide as the hidden state.
//!
//! ```text
//! q and v, r = 16:     32 · 16 · 2 · 8192 = 8,388,608
//! all linear, r = 16:  32 · 16 · (4 · 8192 + 3 · 15,104) = 32 · 16 · 78,080 = 39,976,960
//! equal budget:        16 · 16,384 / 78,080 = 3.36
//! ```

use deltaw::classroom::Suite;

use super::answer::{Model, equal_rank, shape_of, trained};

pub const ALL: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

const LLAMA2: Model = Model { hidden: 4096, kv: 4096, mlp: 11_008, layers: 32 };

pub fn register(suite: &mut Suite) {
    suite.case("shapes", 2, |case| {
        let model = Model { hidden: 10, kv: 4, mlp: 30, layers: 1 };
        let shape = |target| shape_of(&model, target).map(|(d_out, d_in)| [d_out, d_in]);
        case.exact("q_proj", shape("q_proj"), [10, 10]);
        case.exact("v_proj", shape("v_proj"), [4, 10])
            .mistake("keys and values are taken for as wide as the hidden state: see grouped-query attention", [10, 10])
            .mistake("d_out and d_in are exchanged", [10, 4]);
        case.exact("up_proj", shape("up_proj"), [30, 10]).mistake("d_out and d_in are exchanged", [10, 30]);
        case.exact("down_proj", shape("down_proj"), [10, 30])
            .mistake("down_proj goes the other way: from the MLP's width to the hidden state's", [30, 10]);
        case.same("a name that no block has", shape("c_attn"), None);
        Ok(())
    });
    suite.case("query and value", 2, |case| {
        case.exact("Llama-2-7B, r = 16", trained(&LLAMA2, &["q_proj", "v_proj"], 16), 8_388_608)
            .mistake("the blocks are not counted", 262_144)
            .mistake("one factor is missing: A and B both train", 4_194_304);
        Ok(())
    });
    suite.case("all linear layers", 2, |case| {
        case.exact("Llama-2-7B, r = 16", trained(&LLAMA2, &ALL, 16), 39_976_960)
            .mistake("the gate is missing: this MLP has three matrices", 32 * 16 * 62_976);
        Ok(())
    });
    suite.case("odd lists", 1, |case| {
        case.exact("q_proj twice", trained(&LLAMA2, &["q_proj", "q_proj"], 1), 32 * 8192)
            .mistake("a name that stands twice counts once", 32 * 16_384);
        case.same("an unknown name", trained(&LLAMA2, &["q_proj", "query"], 1), None)
            .mistake_same("an unknown name is passed over; it should be refused", Some(32 * 8192));
        Ok(())
    });
    suite.case("the same budget", 2, |case| {
        case.exact("q and v at r = 16 against all", equal_rank(&LLAMA2, &["q_proj", "v_proj"], 16, &ALL), 3)
            .mistake("rounded up: that trains more than the budget", 4)
            .mistake("the ranks are turned round: more targets want a lower rank", 76);
        Ok(())
    });
}
