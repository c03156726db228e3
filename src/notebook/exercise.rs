//! Checks of exercises, in the classroom's manner: they say what is probably wrong.

use super::{Check, Output, Show, html};
use crate::classroom::{Case, Outcome, TestResult, attempt};

/// How a check went.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked(TestResult);

/// Checks an exercise: `body` calls what the reader wrote and compares it with the crate's own ([`Case`]). A `todo!()` or a panic in the
/// reader's code is a failed check like any other.
#[must_use]
pub fn exercise(name: &str, body: impl FnOnce(&mut Case) -> Outcome) -> Checked {
    Checked(attempt(name, body))
}

impl Checked {
    /// Whether all comparisons held.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.0.passed
    }

    /// What is wrong, one thought a line; empty when it passed.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let result = &self.0;
        let diagnosis = result.diagnosis.as_ref().map(|diagnosis| diagnosis.text.clone());
        let told = diagnosis.as_ref().is_some_and(|text| text.contains(&result.message));
        let message = (!told && !result.message.is_empty()).then(|| result.message.clone());
        diagnosis.into_iter().chain(message).collect()
    }
}

impl Show for Checked {
    fn output(&self) -> Output {
        let (passed, faults) = (self.passed(), self.faults());
        let word = if passed { "right" } else { "not yet" };
        let name = html::escape(&self.0.test);
        let mut inside = format!("<p><strong>{name}: {word}</strong></p>\n");
        faults.iter().for_each(|fault| inside += &html::paragraph(fault));
        let mut text = format!("{}: {word}", self.0.test);
        faults.iter().for_each(|fault| text += &format!("\n  {fault}"));
        let mut output = Output::html(html::verdict(passed, &inside), text);
        output.facts.checks.push(Check { name: self.0.test.clone(), passed, message: faults.join(" ") });
        output
    }
}
