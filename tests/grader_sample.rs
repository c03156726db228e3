//! The grader against labelled answers, the whole bank against itself, and the clock.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::time::Instant;

use deltaw::quiz::{
    bank::{Kind, builtin},
    evaluate::{Evaluation, Figures, Labelled},
    grade::{Instance, Lexicon, grade},
    lint::lint,
};

/// Figures of the grader on `lines`, none of which it knows by heart; disagreements are printed.
fn figures(lines: &str) -> Figures {
    let bank = builtin().unwrap();
    let labelled: Vec<Labelled> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lexicon = Lexicon::new(&bank).forgetting(labelled.iter().map(|labelled| labelled.answer.clone()));
    let graded: Vec<u8> = labelled
        .iter()
        .map(|labelled| {
            let question = bank.questions.iter().find(|question| question.id == labelled.id).unwrap();
            let label = grade(&Instance::draw(question, 0), &lexicon, &labelled.answer).label.number();
            if label != labelled.label {
                println!("{} is {}, judged {label}: {}", labelled.id, labelled.label, labelled.answer);
            }
            label
        })
        .collect();
    Evaluation::new(labelled.iter().zip(graded)).all
}

#[test]
fn the_shared_sample_gets_its_labels() {
    let found = figures(include_str!("data/grader_sample.jsonl"));
    assert!(found.kappa >= 0.9 && found.false_accepts + found.false_rejects == 0.0, "{found:?}");
}

#[test]
fn answers_written_for_the_bank_get_their_labels() {
    let found = figures(include_str!("data/grader_own.jsonl"));
    assert!(found.kappa >= 0.88 && found.false_accepts <= 0.01 && found.false_rejects <= 0.01, "{found:?}");
}

/// The patterns were widened on these answers, so this guards what was reached; docs/grader.md says what unseen answers get.
#[test]
fn the_development_set_keeps_its_figures() {
    let found = figures(include_str!("data/grader_dev.jsonl"));
    assert!(found.answers == 783);
    assert!(found.kappa >= 0.95 && found.false_accepts <= 0.01 && found.false_rejects <= 0.01, "{found:?}");
}

/// Nothing in the grader was fitted to these answers, and none of them is known: the goals were 0.85, 3 % and 5 %, the floors say what was
/// reached.
#[test]
fn answers_that_nobody_tuned_on_keep_their_figures() {
    let found = figures(include_str!("data/grader_heldout3.jsonl"));
    assert!(found.answers == 748);
    assert!(found.kappa >= 0.91 && found.false_accepts <= 0.015 && found.false_rejects <= 0.015, "{found:?}");
    assert!(found.withheld <= 0.09, "{found:?}");
}

/// The trees are fitted to these answers, the patterns were widened on the second and third, so this guards what was reached too.
#[test]
fn the_sets_that_the_trees_are_fitted_to_keep_their_figures() {
    for (lines, answers, kappa) in [
        (include_str!("data/grader_heldout.jsonl"), 957, 0.915),
        (include_str!("data/grader_heldout2.jsonl"), 709, 0.925),
        (include_str!("data/grader_plain.jsonl"), 1168, 0.895),
    ] {
        let found = figures(lines);
        assert!(found.answers == answers);
        assert!(found.kappa >= kappa && found.false_accepts <= 0.02 && found.false_rejects <= 0.03, "{found:?}");
    }
}

#[test]
fn every_model_answer_is_right_and_no_misconception_is() {
    let bank = builtin().unwrap();
    let lexicon = Lexicon::new(&bank);
    for question in &bank.questions {
        let Some(Kind::Text(rubric)) = Kind::of(question) else { continue };
        let label = |answer: &str| grade(&Instance::draw(question, 0), &lexicon, answer).label.number();
        assert_eq!(label(&question.model_answer), 2, "{}: its model answer", question.id);
        for belief in &rubric.misconceptions {
            let label = label(&belief.text);
            assert!(label == 0 || (label == 1 && !belief.decisive), "{} {}: judged {label}", question.id, belief.id);
        }
    }
}

#[test]
fn lint_names_a_point_that_nothing_hits_and_a_belief_the_model_answer_shows() {
    let mut bank = builtin().unwrap();
    bank.questions.retain(|question| question.id == "g06");
    let rubric = bank.questions[0].rubric.as_mut().unwrap();
    rubric.points[0].accept = vec!["xylophone".to_owned()];
    rubric.misconceptions[0].detect = vec!["zero".to_owned()];
    let remarks = lint(&bank);
    let has = |words: &str| remarks.iter().any(|remark| remark.message.contains(words));
    assert!(has("point `b-zero`") && has("triggers the misconception"), "{remarks:#?}");
}

#[test]
fn the_median_is_under_five_milliseconds_and_ten_kilobytes_take_less_than_fifty() {
    let bank = builtin().unwrap();
    let lexicon = Lexicon::new(&bank);
    let question = bank.questions.iter().find(|question| question.id == "g06").unwrap();
    let instance = Instance::draw(question, 0);
    let time = |answer: &str| {
        let began = Instant::now();
        let _ = grade(&instance, &lexicon, answer);
        began.elapsed().as_secs_f64() * 1e3
    };
    time("the first use reads the wordings");
    // The least of some runs: other processes on the machine must not fail this.
    let least = |answer: &str| (0..7).map(|_| time(answer)).fold(f64::MAX, f64::min);
    assert!(least(&question.model_answer) < 5.0);
    let sentence = "B is not zero and A is randomly initialised, so the product vanishes at the start. ";
    let mixed = "the α/r, BA = ΔW; not that \u{301}漢字 x_0 1,000 ".repeat(200);
    let pieces = format!("{} ", "zq".repeat(49)).repeat(102);
    let nested = "((((".repeat(2_500);
    for answer in [
        mixed,
        pieces,
        nested,
        "a. ".repeat(3_333),
        "🦀".repeat(2_500),
        "i don't know, but ".repeat(555),
        "1".repeat(10_000),
        sentence.repeat(10_000 / sentence.len()),
        "matrix ".repeat(1_430),
        "x".repeat(10_000),
        "not ".repeat(2_500),
    ] {
        let took = least(&answer);
        println!("{} bytes: {took:.1} ms", answer.len());
        assert!(took < 50.0, "{took} ms");
    }
}
