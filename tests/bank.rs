//! The bank that ships: clean, complete, and every demo it names runs.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use deltaw::{
    claims, demos,
    quiz::{
        bank::{BUILTIN, Bank, DemoCall, Kind, builtin, check},
        grade::{Instance, Lexicon, grade},
    },
};

#[test]
fn it_is_clean_and_covers_the_curriculum() {
    let bank = check(BUILTIN).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let ids: BTreeSet<&str> = bank.questions.iter().map(|question| question.id.as_str()).collect();
    for (letter, count) in [('g', 40), ('t', 10), ('x', 8), ('n', 29)] {
        for number in 1..=count {
            let id = format!("{letter}{number:02}");
            assert!(ids.contains(id.as_str()), "{id} is missing");
        }
    }
    assert!(ids.len() >= 90);
    let kinds: BTreeSet<&str> = bank.questions.iter().filter_map(Kind::of).map(Kind::name).collect();
    assert_eq!(kinds.len(), 4);
    assert!(bank.questions.iter().all(|question| !question.follow_ups.is_empty() && !question.hints.is_empty()));
}

/// Every demo call of the bank, each once.
fn calls(bank: &Bank) -> BTreeSet<(String, Vec<(String, String)>)> {
    let mut calls: Vec<&DemoCall> = Vec::new();
    for question in &bank.questions {
        calls.push(&question.demo);
        match Kind::of(question) {
            Some(Kind::Text(rubric)) => calls.extend(rubric.misconceptions.iter().filter_map(|m| m.demo.as_ref())),
            Some(Kind::Numeric(numeric)) => calls.extend(numeric.mistakes.iter().filter_map(|m| m.demo.as_ref())),
            Some(Kind::Formula(formula)) => calls.extend(formula.mistakes.iter().filter_map(|m| m.demo.as_ref())),
            Some(Kind::Choice(choice)) => calls.extend(choice.options.iter().filter_map(|m| m.demo.as_ref())),
            None => {}
        }
    }
    calls.into_iter().map(|call| (call.name.clone(), call.args.clone().into_iter().collect())).collect()
}

#[test]
fn every_demo_call_runs() {
    // The training demos are slow; one step shows that the call itself is sound.
    let slow = ["svd", "b-zero", "alpha", "rank"];
    for (name, args) in calls(&builtin().unwrap()) {
        let mut args: demos::Args = args.into_iter().collect();
        if slow.contains(&name.as_str()) {
            args.insert("steps".to_owned(), "1".to_owned());
        }
        let report = demos::run(&name, &args).unwrap_or_else(|error| panic!("{name} {args:?}: {error}"));
        assert!(!report.numbers.is_empty() && !report.text.is_empty(), "{name}");
        assert!(report.numbers.values().all(|value| value.is_finite()), "{name}: {:?}", report.numbers);
    }
}

#[test]
fn folklore_in_an_answer_is_named_with_its_claim() {
    let bank = builtin().unwrap();
    let question = bank.questions.iter().find(|question| question.id == "g39").unwrap();
    let verdict = grade(&Instance::draw(question, 0), &Lexicon::new(&bank), "It is alpha = 2r by default");
    let caught: Vec<_> = verdict.misconceptions.iter().filter_map(|caught| caught.claim.as_deref()).collect();
    assert_eq!(caught, ["alpha-default"]);
    assert!(claims::find(caught[0]).unwrap().correct.contains("lora_alpha = 8"));
}
