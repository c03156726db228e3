//! What answers say about a learner, section by section.

use serde::Serialize;

use super::{bank::Bank, store::Answer, verdict::Label};

/// A mean score under this calls for study.
const WEAK: f64 = 0.7;

/// Results by section, in the bank's order; sections without an answer are left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scorecard {
    /// The sections.
    pub sections: Vec<Line>,
    /// Answers in all.
    pub answered: usize,
    /// Mean score, 0 to 1; 0 without answers.
    pub mean: f64,
}

/// One section's results.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The section's id.
    pub section: String,
    /// Its heading.
    pub title: String,
    /// Answers by label: wrong, partial, correct.
    pub labels: [usize; 3],
    /// Mean score, 0 to 1.
    pub mean: f64,
    /// What to study, where it went badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<String>,
}

impl Scorecard {
    /// Sums up `answers`.
    #[must_use]
    pub fn new(bank: &Bank, answers: &[Answer]) -> Self {
        let mean = |answers: &[&Answer]| match answers.len() {
            0 => 0.0,
            count => answers.iter().map(|answer| answer.score).sum::<f64>() / count as f64,
        };
        let mut sections = Vec::new();
        for section in &bank.sections {
            let here: Vec<&Answer> = answers.iter().filter(|answer| answer.section == section.id).collect();
            if here.is_empty() {
                continue;
            }
            let count = |label: Label| here.iter().filter(|answer| answer.label == label).count();
            let mean = mean(&here);
            sections.push(Line {
                section: section.id.clone(),
                title: section.title.clone(),
                labels: [count(Label::Wrong), count(Label::Partial), count(Label::Correct)],
                mean,
                study: (mean < WEAK).then(|| section.study.clone()),
            });
        }
        Self { sections, answered: answers.len(), mean: mean(&answers.iter().collect::<Vec<_>>()) }
    }
}
