//! What grading an answer says, for every kind of question.

use serde::{Deserialize, Serialize};

use super::{bank::DemoCall, grade::Trace};

/// How an interviewer would take the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Wrong, empty, irrelevant, or a decisive misconception: 0.
    Wrong,
    /// Some of it, or right but vague: 1.
    Partial,
    /// The interviewer would move on: 2.
    Correct,
}

impl Label {
    /// The label as a number, 0 to 2.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Wrong => 0,
            Self::Partial => 1,
            Self::Correct => 2,
        }
    }
}

impl Serialize for Label {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Self::Wrong),
            1 => Ok(Self::Partial),
            2 => Ok(Self::Correct),
            other => Err(serde::de::Error::custom(format!("label {other} is not 0, 1 or 2"))),
        }
    }
}

/// A graded answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// 0 wrong, 1 partial, 2 correct.
    pub label: Label,
    /// 0 to 1: weighted share of the points, after deductions.
    pub score: f64,
    /// Points earned, with the words that earned them.
    pub hit: Vec<PointVerdict>,
    /// Points not earned.
    pub missed: Vec<PointVerdict>,
    /// Wrong beliefs shown, each with its correction.
    pub misconceptions: Vec<Caught>,
    /// Remarks on the judgement: a unit that was understood, an answer too long to read whole…
    pub notes: Vec<String>,
    /// How it came about, stage by stage; free text only.
    #[serde(skip)]
    pub trace: Option<Trace>,
}

/// One point of the rubric in a verdict. Numbers, formulas and choices have a single point named `answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointVerdict {
    /// The point's id.
    pub id: String,
    /// The point in words.
    pub text: String,
    /// Whether label 2 needs it.
    pub required: bool,
    /// The learner's own words that earned it (empty when missed).
    pub evidence: Vec<String>,
    /// What the interviewer asks when it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
}

/// A misconception found in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caught {
    /// Its id.
    pub id: String,
    /// The belief, named.
    pub text: String,
    /// What is true instead.
    pub correction: String,
    /// Whether it alone makes the answer wrong.
    pub decisive: bool,
    /// The learner's own words that show it.
    pub evidence: Vec<String>,
    /// The demo that refutes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo: Option<DemoCall>,
    /// The claim of the ledger that it is: `deltaw claims ID` shows the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
}
