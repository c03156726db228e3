//! Public tests. Every list of findings is read off the table in the text; the scales are 16/8 = 2, 16/√16 = 4, 16/64 = 0.25.

use candle_core::{DType, Device::Cpu, Result, Tensor};
use deltaw::classroom::{Case, Suite};

use super::answer::{Base, Config, Factors, Finding, audit, matches, scale};

pub const Q0: &str = "model.layers.0.self_attn.q_proj";
pub const V0: &str = "model.layers.0.self_attn.v_proj";
pub const UP0: &str = "model.layers.0.mlp.up_proj";
pub const EMBEDDING: &str = "model.embed_tokens";

pub fn config() -> Config {
    Config {
        rank: 8,
        alpha: 16.0,
        rank_stabilised: false,
        targets: vec!["q_proj", "v_proj"],
        ranks: Vec::new(),
        modules_to_save: Vec::new(),
    }
}

pub fn base() -> Base {
    Base { modules: vec![EMBEDDING, Q0, V0, UP0], embedding: (EMBEDDING, 100) }
}

/// Factors of rank 1 for three inputs and two outputs; A and B hold one number each.
pub fn factors(module: &'static str, a: f64, b: f64) -> Result<Factors> {
    let filled = |shape: (usize, usize), value: f64| Tensor::ones(shape, DType::F32, &Cpu)?.affine(value, 0.0);
    Ok(Factors { module, a: filled((1, 3), a)?, b: filled((2, 1), b)? })
}

/// Findings in words, in the order of the alphabet.
pub fn told(findings: Vec<Finding>) -> Vec<String> {
    let words = |finding: Finding| {
        let (what, of): (&str, String) = match finding {
            Finding::NoMatch(target) => ("no match", target),
            Finding::Missing(module) => ("missing", module),
            Finding::Stray(module) => ("stray", module),
            Finding::Untrained(module) => ("untrained", module),
            Finding::Embedding(tokens) => ("embedding", usize::to_string(&tokens)),
        };
        format!("{what}: {of}")
    };
    let mut told: Vec<String> = findings.into_iter().map(words).collect();
    told.sort();
    told
}

/// That `target` matches `module`, or that it does not.
pub fn matched(case: &mut Case, target: &str, module: &str, want: bool, diagnosis: &str) {
    let got: bool = matches(target, module);
    case.that(&format!("{target} and {module}"), got == want, diagnosis);
}

fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn register(suite: &mut Suite) {
    suite.case("which modules a target matches", 3, |case| {
        matched(case, "q_proj", Q0, true, "the last part of a path matches");
        matched(case, "self_attn.q_proj", Q0, true, "a target may have several parts");
        matched(case, Q0, Q0, true, "the whole path matches itself");
        matched(case, "self_attn", Q0, false, "the target stands in the middle of the path: it must be its end");
        matched(case, "proj", Q0, false, "the target ends in the middle of a part: parts are whole, between dots");
        Ok(())
    });
    suite.case("the scale", 3, |case| {
        let mut config = config();
        case.close("α = 16, r = 8", scale(&config, Q0), 2.0, 1e-9).mistake("upside down: it is α over r", 0.5);
        config.ranks = vec![("v_proj", 64)];
        case.close("v_proj has r = 64", scale(&config, V0), 0.25, 1e-9)
            .mistake("v_proj has a rank of its own: its scale is α over that", 2.0);
        case.close("q_proj has not", scale(&config, Q0), 2.0, 1e-9);
        (config.rank, config.rank_stabilised) = (16, true);
        case.close("rank-stabilised, r = 16", scale(&config, Q0), 4.0, 1e-9)
            .mistake("with rank stabilisation the scale is α/√r", 1.0);
        Ok(())
    });
    suite.case("an adapter that is well", 1, |case| {
        let found = audit(&config(), &[factors(Q0, 1.0, 2.0)?, factors(V0, 1.0, -2.0)?], &base(), 100)?;
        case.same("findings", told(found), list(&[]))
            .mistake_same("the tokenizer has no more tokens than the base has rows", list(&["embedding: 0"]));
        Ok(())
    });
    suite.case("a name that is misspelt, a module that is not there", 2, |case| {
        let config = Config { targets: vec!["q_proj", "v_prj"], ..config() };
        let found = audit(&config, &[factors(Q0, 1.0, 2.0)?, factors(V0, 1.0, 2.0)?], &base(), 100)?;
        case.same("v_prj", told(found), list(&["no match: v_prj", &format!("stray: {V0}")])).mistake_same(
            "v_prj matches nothing, and that another target matches does not help: look at each target for itself",
            list(&[&format!("stray: {V0}")]),
        );
        let found = audit(&config, &[factors(V0, 1.0, 2.0)?], &base(), 100)?;
        case.same(
            "only factors of v_proj",
            told(found),
            list(&[&format!("missing: {Q0}"), "no match: v_prj", &format!("stray: {V0}")]),
        )
        .mistake_same(
            "q_proj is matched, without factors in the file: it stays as the base, and that is a finding",
            list(&["no match: v_prj", &format!("stray: {V0}")]),
        );
        Ok(())
    });
    suite.case("a factor that is zero", 2, |case| {
        let found = audit(&config(), &[factors(Q0, 1.0, 0.0)?, factors(V0, 1.0, 2.0)?], &base(), 100)?;
        case.same("B of q_proj", told(found), list(&[&format!("untrained: {Q0}")]))
            .mistake_same("it is B that is zero before training, not A", list(&[]));
        Ok(())
    });
    suite.case("tokens that are new", 2, |case| {
        let good = || Ok::<_, candle_core::Error>([factors(Q0, 1.0, 2.0)?, factors(V0, 1.0, 2.0)?]);
        let found = audit(&config(), &good()?, &base(), 103)?;
        case.same("three more than rows", told(found), list(&["embedding: 3"]))
            .mistake_same("new tokens have rows that nothing trains: that is a finding", list(&[]));
        let saved = Config { modules_to_save: vec!["embed_tokens"], ..config() };
        let found = audit(&saved, &good()?, &base(), 103)?;
        case.same("the embedding is saved whole", told(found), list(&[]))
            .mistake_same("what modules_to_save names is trained too", list(&["embedding: 3"]));
        Ok(())
    });
}
