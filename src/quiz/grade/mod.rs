//! Judging an answer: free text, numbers, formulas and choices.
//!
//! Free text goes through stages, each a file: `chars` folds Unicode and spells mathematics out, `lexer` and `token` make stemmed tokens
//! with clauses and negation, `guard` turns away what is no answer, `pattern` and `matcher` find the rubric's points, `text` scores.

mod chars;
mod guard;
mod lexer;
mod lexicon;
mod matcher;
pub mod pattern;
mod text;
mod token;

pub use lexicon::Lexicon;
pub use pattern::{Pattern, PatternError};

use super::{
    bank::Question,
    verdict::{Label, Verdict},
};

/// Grades `answer` to `question`.
#[must_use]
pub fn grade(question: &Question, lexicon: &Lexicon, answer: &str) -> Verdict {
    if let Some(rubric) = &question.rubric {
        return text::grade(rubric, &question.text, lexicon, answer);
    }
    Verdict {
        label: Label::Wrong,
        score: 0.0,
        hit: Vec::new(),
        missed: Vec::new(),
        misconceptions: Vec::new(),
        notes: vec!["The question has no kind; run `deltaw bank check`.".to_owned()],
    }
}
