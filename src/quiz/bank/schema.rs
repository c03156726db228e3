//! What a bank file holds. Field by field this is the YAML format; unknown fields are refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A whole bank: `questions.yaml`, or a teacher's own file.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// Version of this format; 1.
    pub version: u32,
    /// What the bank calls itself.
    pub title: String,
    /// Sections in the order of the curriculum.
    pub sections: Vec<Section>,
    /// Named sets of phrases that patterns may refer to as `@name`.
    #[serde(default)]
    pub lexicon: BTreeMap<String, Vec<String>>,
    /// The questions.
    pub questions: Vec<Question>,
}

/// One section of the curriculum.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Short name used in filters, such as `lora`.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What to read or run when this section went badly.
    pub study: String,
}

/// One question. Exactly one of `rubric`, `numeric`, `formula` and `choice` is present: it decides the kind.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Stable id such as `g07`.
    pub id: String,
    /// Id of the section it belongs to.
    pub section: String,
    /// 1 (warm-up) to 5 (hard).
    pub difficulty: u8,
    /// What is asked. A numeric question may hold `{name}` for each of its parameters.
    pub text: String,
    /// An answer that earns full marks. A numeric question may use `{name}` and `{answer}` in it.
    pub model_answer: String,
    /// Why the answer is what it is: the teaching text shown after grading.
    pub why: String,
    /// Hints, from gentle to nearly giving it away.
    #[serde(default)]
    pub hints: Vec<String>,
    /// What an interviewer presses with next.
    #[serde(default)]
    pub follow_ups: Vec<FollowUp>,
    /// The live demo that shows the answer.
    pub demo: DemoCall,
    /// Papers (arXiv ids), code, or claim ids.
    pub sources: Vec<String>,
    /// Folklore in wrong answers: what is caught, to the claim of the ledger that says what is true of it. What is caught goes by the id of
    /// a misconception, by `option-B` for an option, by a formula's mistake with hyphens, and by `mistake` for a number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
    /// Free text, judged by a rubric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rubric: Option<Rubric>,
    /// A number, with fresh parameters each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numeric: Option<Numeric>,
    /// A formula, judged by evaluating it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<Formula>,
    /// Multiple choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
}

/// The kind of a question, with what it is judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind<'a> {
    /// Free text.
    Text(&'a Rubric),
    /// A number.
    Numeric(&'a Numeric),
    /// A formula.
    Formula(&'a Formula),
    /// Multiple choice.
    Choice(&'a Choice),
}

impl<'a> Kind<'a> {
    /// The kind of `question`, the first that is present.
    #[must_use]
    pub fn of(question: &'a Question) -> Option<Self> {
        let text = question.rubric.as_ref().map(Self::Text);
        text.or_else(|| question.numeric.as_ref().map(Self::Numeric))
            .or_else(|| question.formula.as_ref().map(Self::Formula))
            .or_else(|| question.choice.as_ref().map(Self::Choice))
    }

    /// What a wrong answer may be caught with, by the ids that verdicts use.
    #[must_use]
    pub fn caught(self) -> Vec<String> {
        match self {
            Self::Text(rubric) => rubric.misconceptions.iter().map(|wrong| wrong.id.clone()).collect(),
            Self::Numeric(_) => vec!["mistake".to_owned()],
            Self::Formula(formula) => formula.mistakes.iter().map(FormulaMistake::id).collect(),
            Self::Choice(choice) => {
                let wrong = choice.options.iter().zip('A'..).filter(|(option, _)| !option.correct);
                wrong.map(|(_, letter)| format!("option-{letter}")).collect()
            }
        }
    }

    /// What the kind is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text(_) => "free text",
            Self::Numeric(_) => "number",
            Self::Formula(_) => "formula",
            Self::Choice(_) => "multiple choice",
        }
    }
}

/// A demo by its registered name, with arguments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DemoCall {
    /// Registered name, such as `b-zero`.
    pub name: String,
    /// Arguments by name; what is left out takes the demo's default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
}

/// A follow-up question.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// What is asked.
    pub ask: String,
    /// The answer to show.
    pub answer: String,
    /// Patterns, any of which makes a reply right; empty: shown, not judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<String>,
}

/// How free text is judged. Label 2 needs every required point and no misconception.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rubric {
    /// Points of a strong answer; one to three are required.
    pub points: Vec<Point>,
    /// What people get wrong.
    #[serde(default)]
    pub misconceptions: Vec<Misconception>,
    /// Patterns of answers that are vague yet not wrong: label 1 where no point was hit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vague: Vec<String>,
}

/// One gradable point.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Short id, unique in its question.
    pub id: String,
    /// The point in words, as shown to the learner.
    pub text: String,
    /// Whether label 2 needs it.
    #[serde(default)]
    pub required: bool,
    /// Patterns, any of which earns the point.
    pub accept: Vec<String>,
    /// What the interviewer asks when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
}

/// A wrong belief an answer may show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Misconception {
    /// Short id, unique in its question.
    pub id: String,
    /// The belief, named.
    pub text: String,
    /// What is true instead.
    pub correction: String,
    /// Whether it makes the whole answer wrong (label 0). Otherwise it caps the label at 1.
    #[serde(default)]
    pub decisive: bool,
    /// Patterns, any of which shows the belief.
    pub detect: Vec<String>,
    /// The demo that refutes it by running it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo: Option<DemoCall>,
}

/// A number to compute.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Numeric {
    /// Values each parameter is drawn from.
    #[serde(default)]
    pub params: BTreeMap<String, Vec<f64>>,
    /// The answer as an expression in the parameters, in `unit`.
    pub answer: String,
    /// Unit of the answer: `parameters`, `GB`, `MB`, `bits`, `%`, `x`, or empty.
    #[serde(default)]
    pub unit: String,
    /// Relative tolerance; 0.01 accepts one per cent either way.
    pub tolerance: f64,
    /// Wrong values people arrive at, with what went wrong.
    #[serde(default)]
    pub mistakes: Vec<NumericMistake>,
}

/// A recognisable wrong number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NumericMistake {
    /// The wrong value as an expression in the parameters.
    pub value: String,
    /// What was done wrong.
    pub text: String,
    /// The demo that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo: Option<DemoCall>,
}

/// A formula to write down.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Formula {
    /// Sizes of the named dimensions, such as `d: 5`; they should differ from each other.
    pub dims: BTreeMap<String, usize>,
    /// Symbols and their shapes in named dimensions: `[]` scalar, `[k]` vector, `[d, k]` matrix.
    /// A scalar that has the name of a dimension takes its size.
    pub symbols: BTreeMap<String, Vec<String>>,
    /// The right formula.
    pub reference: String,
    /// Recognisable wrong formulas.
    #[serde(default)]
    pub mistakes: Vec<FormulaMistake>,
}

/// A recognisable wrong formula.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FormulaMistake {
    /// The wrong formula.
    pub formula: String,
    /// Its name, such as `missing scale`.
    pub name: String,
    /// What is wrong with it.
    pub text: String,
    /// The demo that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo: Option<DemoCall>,
}

impl FormulaMistake {
    /// The id a verdict gives it: its name with hyphens.
    #[must_use]
    pub fn id(&self) -> String {
        self.name.to_lowercase().replace(' ', "-")
    }
}

/// Multiple choice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The options; one or more are correct.
    pub options: Vec<ChoiceOption>,
}

/// One option of a multiple choice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceOption {
    /// What it says.
    pub text: String,
    /// Whether it is right.
    #[serde(default)]
    pub correct: bool,
    /// Why it is right or wrong.
    pub why: String,
    /// The demo that refutes it, for a wrong one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo: Option<DemoCall>,
}
