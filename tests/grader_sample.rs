//! The grader against labelled answers: the shared sample, and answers written for this bank.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use deltaw::quiz::{
    bank::builtin,
    grade::{Instance, Lexicon, grade},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Labelled {
    id: String,
    answer: String,
    label: u8,
}

/// Share of `lines` that get their label; disagreements are printed.
fn agreement(lines: &str) -> f64 {
    let bank = builtin().unwrap();
    let lexicon = Lexicon::new(&bank);
    let (mut right, mut all) = (0, 0);
    for line in lines.lines() {
        let labelled: Labelled = serde_json::from_str(line).unwrap();
        let question = bank.questions.iter().find(|question| question.id == labelled.id).unwrap();
        let verdict = grade(&Instance::draw(question, 0), &lexicon, &labelled.answer);
        all += 1;
        if verdict.label.number() == labelled.label {
            right += 1;
        } else {
            println!("{} is {}, judged {}: {}", labelled.id, labelled.label, verdict.label.number(), labelled.answer);
        }
    }
    println!("{right} of {all}");
    f64::from(right) / f64::from(all)
}

#[test]
fn the_shared_sample_gets_its_labels() {
    assert!(agreement(include_str!("data/grader_sample.jsonl")) >= 0.95);
}

#[test]
fn answers_written_for_the_bank_get_their_labels() {
    assert!(agreement(include_str!("data/grader_own.jsonl")) >= 0.95);
}
