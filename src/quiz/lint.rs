//! What a bank's author should look at: rubrics that parse and are still at odds with themselves.

use serde::Serialize;

use super::{
    bank::{Bank, Kind, Question, Rubric},
    grade::{Instance, Lexicon, accepts, grade},
    verdict::Label,
};

/// One remark on a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Id of the question.
    pub question: String,
    /// What is odd, and what to do about it.
    pub message: String,
}

/// Remarks on every free-text question of `bank`, in its order.
#[must_use]
pub fn lint(bank: &Bank) -> Vec<Remark> {
    let lexicon = Lexicon::new(bank);
    let mut remarks = Vec::new();
    for question in &bank.questions {
        if let Some(Kind::Text(rubric)) = Kind::of(question) {
            let messages = model_answer(question, rubric, &lexicon).into_iter();
            let messages = messages.chain(points(rubric, &lexicon)).chain(beliefs(question, rubric, &lexicon));
            remarks.extend(messages.map(|message| Remark { question: question.id.clone(), message }));
        }
    }
    remarks
}

/// Points that the model answer does not hit, beliefs that it shows.
fn model_answer(question: &Question, rubric: &Rubric, lexicon: &Lexicon) -> Vec<String> {
    let verdict = grade(&Instance::draw(question, 0), lexicon, &question.model_answer);
    // A point may lie beyond the model answer; then its own text or the why should show it.
    let shown = |point: &&super::bank::Point| {
        accepts(&point.accept, lexicon, &point.text) || accepts(&point.accept, lexicon, &question.why)
    };
    let missed = rubric.points.iter().filter(|point| verdict.missed.iter().any(|missed| missed.id == point.id));
    let missed = missed.filter(|point| point.required || !shown(point)).map(|point| {
        format!("point `{}` is hit by neither the model answer, the why nor its own text: widen its patterns", point.id)
    });
    let shows = verdict.misconceptions.iter().map(|caught| {
        format!(
            "the model answer triggers the misconception `{}` by «{}»: narrow it",
            caught.id,
            caught.evidence.join("» «")
        )
    });
    missed.chain(shows).collect()
}

/// Pairs of required points of which each is hit by the other's text.
fn points(rubric: &Rubric, lexicon: &Lexicon) -> Vec<String> {
    let mut found = Vec::new();
    for (at, one) in rubric.points.iter().enumerate().filter(|(_, point)| point.required) {
        for other in rubric.points.iter().skip(at + 1).filter(|point| point.required) {
            if accepts(&one.accept, lexicon, &other.text) && accepts(&other.accept, lexicon, &one.text) {
                found.push(format!("points `{}` and `{}` overlap: the text of each earns both", one.id, other.id));
            }
        }
    }
    found
}

/// Misconceptions whose own text is graded right.
fn beliefs(question: &Question, rubric: &Rubric, lexicon: &Lexicon) -> Vec<String> {
    let judged = |text: &str| grade(&Instance::draw(question, 0), lexicon, text).label;
    let wrong = rubric.misconceptions.iter().filter(|m| match m.decisive {
        true => judged(&m.text) != Label::Wrong,
        false => judged(&m.text) == Label::Correct,
    });
    wrong
        .map(|m| format!("the misconception `{}` in its own words is not graded wrong: widen `detect`", m.id))
        .collect()
}
