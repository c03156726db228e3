//! Mangled banks and mangled answers: a verdict or an error, never a panic.
#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;

use deltaw::quiz::{
    bank::{BUILTIN, Bank, builtin, check},
    evaluate::Labelled,
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

/// More with `DELTAW_FUZZ=20000`.
fn cases() -> u32 {
    std::env::var("DELTAW_FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(600)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Real answers cut, doubled, turned round and filled with junk, to any free-text question.
    #[test]
    fn mangled_answers_get_a_verdict(
        question in any::<prop::sample::Index>(), answer in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        cut in 0usize..60, put in nasty(), times in 1usize..40, upper in any::<bool>(), back in any::<bool>(),
    ) {
        let (bank, lexicon, answers) = field();
        let text: Vec<char> = answers[answer.index(answers.len())].chars().collect();
        let start = at.index(text.len() + 1);
        let end = (start + cut).min(text.len());
        let mut mangled: Vec<char> = text[..start].to_vec();
        mangled.extend(put.repeat(times).chars());
        mangled.extend(&text[end..]);
        if back {
            mangled.reverse();
        }
        let mangled: String = mangled.into_iter().collect();
        let mangled = if upper { mangled.to_uppercase() } else { mangled };
        let question = &bank.questions[question.index(bank.questions.len())];
        let began = std::time::Instant::now();
        let verdict = grade(&Instance::draw(question, 0), lexicon, &mangled);
        prop_assert!((0.0..=1.0).contains(&verdict.score));
        // Far above what it takes, so that only a blow-up trips it on a busy machine.
        prop_assert!(began.elapsed().as_secs_f64() < 5.0, "{} bytes", mangled.len());
        for point in &verdict.hit {
            for said in &point.evidence {
                prop_assert!(mangled.contains(said.as_str()), "`{said}` is no quotation");
            }
        }
    }
}

/// The free-text questions, ready to grade, and answers to them.
fn field() -> &'static (Bank, Lexicon, Vec<String>) {
    static FIELD: OnceLock<(Bank, Lexicon, Vec<String>)> = OnceLock::new();
    FIELD.get_or_init(|| {
        let mut bank = builtin().unwrap();
        bank.questions.retain(|question| question.rubric.is_some());
        let lexicon = Lexicon::new(&bank);
        let answer = |line: &str| serde_json::from_str::<Labelled>(line).unwrap().answer;
        (bank, lexicon, include_str!("data/grader_dev.jsonl").lines().map(answer).collect())
    })
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
