//! The judge's view beside the local grader's, point by point.

use serde::Serialize;

use crate::quiz::verdict::Verdict;

use super::{
    fault::Fault,
    reply::{Discard, Ruling},
};

/// What a question to the judge is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A point of the rubric.
    Point,
    /// A wrong belief.
    Misconception,
    /// A statement that no answer makes.
    Control,
}

/// One point or misconception, seen by both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its id in the rubric.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// It in words.
    pub text: String,
    /// Whether the local grader finds it in the answer.
    pub local: bool,
    /// Whether the judge does; none where its reply was discarded.
    pub met: Option<bool>,
    /// The learner's words that the judge names; empty without any.
    pub quote: String,
    /// Why the judge's reply was discarded.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub discarded: Option<Discard>,
    /// Whether the two differ.
    pub disagrees: bool,
}

impl Finding {
    pub(super) fn new(id: &str, kind: Kind, text: &str, verdict: &Verdict, ruled: Result<Ruling, Discard>) -> Self {
        let local = match kind {
            Kind::Misconception => verdict.misconceptions.iter().any(|caught| caught.id == id),
            Kind::Point | Kind::Control => verdict.hit.iter().any(|point| point.id == id),
        };
        let (met, quote, discarded) = match ruled {
            Ok(ruling) => (Some(ruling.met), ruling.quote, None),
            Err(discard) => (None, String::new(), Some(discard)),
        };
        let disagrees = met.is_some_and(|met| met != local);
        Self { id: id.to_owned(), kind, text: text.to_owned(), local, met, quote, discarded, disagrees }
    }
}

/// What the judge says of one answer. The label stays the local grader's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Scheme, host and port of the endpoint.
    pub endpoint: String,
    /// The model's name.
    pub model: String,
    /// Each point and misconception that was judged, in the rubric's order.
    pub findings: Vec<Finding>,
    /// How many points and misconceptions there are to judge.
    pub of: usize,
    /// How many replies, the control question's included, were kept from an earlier time.
    pub kept: usize,
    /// Whether only the beginning of a long answer was sent.
    pub cut: bool,
    /// Why the judge stopped before the end.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub fault: Option<Fault>,
}

impl Judgement {
    /// How many judgements count.
    #[must_use]
    pub fn judged(&self) -> usize {
        self.findings.iter().filter(|finding| finding.met.is_some()).count()
    }

    /// Where the judge and the local grader differ.
    pub fn disagreements(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.disagrees)
    }
}

fn as_text<T: ToString, S: serde::Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(ToString::to_string).serialize(serializer)
}
