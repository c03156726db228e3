//! Hidden tests: other names, several mistakes at once.

use deltaw::classroom::Suite;

use super::{
    answer::{Base, Config, audit, scale},
    tests::{EMBEDDING, Q0, UP0, V0, base, config, factors, matched, told},
};

pub fn register(suite: &mut Suite) {
    suite.case("ends and parts", 2, |case| {
        matched(case, "k", "blocks.1.attn.k", true, "one letter is a part too");
        matched(case, "attn.k", "blocks.1.attn.k", true, "two parts");
        matched(case, "k", "blocks.1.attn.qk", false, "the target ends in the middle of a part");
        matched(case, "attn", "blocks.1.attn.k", false, "the target is not the end of the path");
        matched(case, "x.blocks.1.attn.k", "blocks.1.attn.k", false, "the target is longer than the path");
        Ok(())
    });
    suite.case("the first rank that matches", 2, |case| {
        let ranks = vec![("0.self_attn.q_proj", 4), ("q_proj", 32)];
        let mut config = Config { ranks, alpha: 8.0, ..config() };
        case.close("layer 0", scale(&config, Q0), 2.0, 1e-9);
        case.close("layer 1", scale(&config, "model.layers.1.self_attn.q_proj"), 0.25, 1e-9);
        case.close("v_proj", scale(&config, V0), 1.0, 1e-9);
        config.rank_stabilised = true;
        case.close("layer 0, rank-stabilised", scale(&config, Q0), 4.0, 1e-9);
        Ok(())
    });
    suite.case("all at once", 3, |case| {
        let config = Config { targets: vec!["attn.q_proj", "self_attn.v_proj", "up_proj", "lm_head"], ..config() };
        let all = [factors(V0, 0.5, 0.0)?, factors(Q0, 1.0, 1.0)?, factors("model.layers.9.mlp.up_proj", 1.0, 1.0)?];
        let want = [
            "embedding: 20".to_owned(),
            format!("missing: {UP0}"),
            "no match: attn.q_proj".to_owned(),
            "no match: lm_head".to_owned(),
            format!("stray: {Q0}"),
            "stray: model.layers.9.mlp.up_proj".to_owned(),
            format!("untrained: {V0}"),
        ];
        case.same("findings", told(audit(&config, &all, &base(), 120)?), want.to_vec());
        Ok(())
    });
    suite.case("a zero A, a target that is the embedding, fewer tokens", 2, |case| {
        let good = [factors(Q0, 0.0, 1.0)?, factors(V0, 1.0, -1.0)?];
        // Only zeros of B mean that nothing was trained.
        case.same("zero A", told(audit(&config(), &good, &base(), 1)?), Vec::<String>::new());
        let saved = Config { modules_to_save: vec!["lm_head", "model.embed_tokens"], ..config() };
        case.same("a saved embedding", told(audit(&saved, &good, &base(), 101)?), Vec::<String>::new());
        let config = Config { targets: vec!["q_proj", "v_proj", "embed_tokens"], ..config() };
        let embedding = [&good[..], &[factors(EMBEDDING, 1.0, 1.0)?]].concat();
        case.same("an adapted embedding", told(audit(&config, &embedding, &base(), 200)?), Vec::<String>::new());
        let small = Base { modules: vec![Q0], embedding: (EMBEDDING, 7) };
        let found = audit(&Config { targets: vec!["q_proj"], ..config.clone() }, &good[..1], &small, 8)?;
        case.same("one token", told(found), vec!["embedding: 1".to_owned()]);
        Ok(())
    });
}
