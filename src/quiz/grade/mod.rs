//! Judging an answer: free text, numbers, formulas and choices.
//!
//! Free text goes through stages, each a file: `chars` folds Unicode and spells mathematics out, `lexer` and `token` make stemmed tokens
//! with clauses and negation, `stance` sets aside what is not claimed, `guard` turns away what is no answer, `pattern` and `matcher` find the rubric's points, `likeness` compares with
//! known wordings, `meaning` with their sense and `ridge` with the labels of known answers, `weigh`, `features` and `head` weigh it all, `text` puts it together and `settle` explains.

mod chars;
pub mod choice;
mod features;
pub mod formula;
mod guard;
mod head;
mod instance;
mod lexer;
mod lexicon;
mod likeness;
mod matcher;
pub mod meaning;
pub mod numeric;
pub mod pattern;
mod ridge;
mod settle;
mod stance;
mod text;
mod token;
mod weigh;
mod wordings;

pub use features::{Features, Meaning, Neighbours};
pub use instance::Instance;
pub use lexicon::Lexicon;
pub use pattern::{Pattern, PatternError};
pub use weigh::{Alike, Trace};

use super::{
    bank::Kind,
    verdict::{Label, Verdict},
};

/// Grades `answer` to the question as it was put.
#[must_use]
pub fn grade(instance: &Instance<'_>, lexicon: &Lexicon, answer: &str) -> Verdict {
    let question = instance.question;
    let mut verdict = match Kind::of(question) {
        Some(Kind::Text(rubric)) => text::grade(rubric, question, lexicon, answer),
        Some(Kind::Numeric(numeric)) => numeric::grade(numeric, &instance.params, answer),
        Some(Kind::Formula(formula)) => formula::grade(formula, answer),
        Some(Kind::Choice(choice)) => choice::grade(choice, answer),
        None => {
            let note = "The question has no kind; run `deltaw bank check`.".to_owned();
            numeric::single_point(Label::Wrong, String::new(), Vec::new(), vec![note])
        }
    };
    for caught in &mut verdict.misconceptions {
        caught.claim = question.claims.get(&caught.id).cloned();
    }
    verdict
}

/// Whether one of `patterns` holds in `reply`, as follow-ups are judged.
#[must_use]
pub fn accepts(patterns: &[String], lexicon: &Lexicon, reply: &str) -> bool {
    text::holds(patterns, lexicon, reply)
}
