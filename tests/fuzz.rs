//! Mangled banks and mangled answers: a verdict or an error, never a panic.
#![allow(clippy::unwrap_used)]

use deltaw::quiz::{
    bank::{BUILTIN, Bank, builtin, check},
    grade::{Instance, Lexicon, grade},
};
use proptest::prelude::*;

/// The head of the bank: small enough to be checked hundreds of times.
fn small() -> String {
    let end = BUILTIN.match_indices("\n  - id: ").nth(2).map_or(BUILTIN.len(), |(at, _)| at);
    BUILTIN[..end].to_owned()
}

/// Lines of all sorts: words of the field, symbols, control characters, numbers, other scripts.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("B is zero and A is random ".to_owned()),
        Just("W0 x + (alpha/r) B A x".to_owned()),
        Just("\u{0}\u{1b}[31m\u{7}".to_owned()),
        Just("((((((((".to_owned()),
        Just("1e999 131,072 0.13M 2*16*4096 35-36 GB ".to_owned()),
        Just("\u{202e}\u{feff}é\u{301}א漢字🦀".to_owned()),
        Just("not not not never ".to_owned()),
        any::<char>().prop_map(String::from),
        "[ -~]{0,12}",
        "\\PC{0,8}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mangled_banks_are_refused_or_read(at in any::<prop::sample::Index>(), cut in 0usize..200, put in nasty()) {
        let text = small();
        let start = (0..=at.index(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (start + cut..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let mangled = format!("{}{put}{}", &text[..start], &text[end..]);
        if let Err(problems) = check(&mangled) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|problem| problem.line >= 1 && !problem.message.is_empty()));
        }
    }

    #[test]
    fn any_answer_gets_a_verdict(answer in nasty(), seed in any::<u64>()) {
        let bank = kinds();
        let lexicon = Lexicon::new(&bank);
        for question in &bank.questions {
            let verdict = grade(&Instance::draw(question, seed), &lexicon, &answer);
            prop_assert!((0.0..=1.0).contains(&verdict.score));
        }
    }
}

/// One question of each kind.
fn kinds() -> Bank {
    let mut bank = builtin().unwrap();
    bank.questions.retain(|question| ["g06", "c02", "f01", "m01"].contains(&question.id.as_str()));
    assert_eq!(bank.questions.len(), 4);
    bank
}

#[test]
fn a_megabyte_is_no_trouble() {
    let bank = kinds();
    let lexicon = Lexicon::new(&bank);
    for unit in ["B is zero ", "(", "1", "a b ", "ΔW ", "not ", "\u{0}", "x^", "\n", "🦀"] {
        let answer = unit.repeat((1 << 20) / unit.len());
        for question in &bank.questions {
            let verdict = grade(&Instance::draw(question, 1), &lexicon, &answer);
            assert!((0.0..=1.0).contains(&verdict.score));
        }
        assert!(check(&answer).is_err());
    }
}
