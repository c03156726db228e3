//! A question as it is put: a numeric one with fresh numbers, a multiple choice with its options listed.

use std::{borrow::Cow, collections::BTreeMap};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    choice,
    numeric::{self, shown},
};
use crate::quiz::bank::Question;

/// A question with the numbers drawn for it.
#[derive(Debug, Clone)]
pub struct Instance<'a> {
    /// The question.
    pub question: &'a Question,
    /// Seed the numbers were drawn with; the same seed draws the same numbers.
    pub seed: u64,
    /// The numbers drawn, by name; empty for other kinds.
    pub params: BTreeMap<String, f64>,
}

impl<'a> Instance<'a> {
    /// Draws the numbers of `question` from `seed`.
    #[must_use]
    pub fn draw(question: &'a Question, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut params = BTreeMap::new();
        if let Some(numeric) = &question.numeric {
            for (name, values) in &numeric.params {
                if !values.is_empty() {
                    params.insert(name.clone(), values[random.random_range(0..values.len())]);
                }
            }
        }
        Self { question, seed, params }
    }

    /// What is asked, with its numbers and options.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.fill(self.question.text.trim()).into_owned();
        if let Some(choice) = &self.question.choice {
            for (index, option) in choice.options.iter().enumerate() {
                text.push_str(&format!("\n  {}. {}", choice::letter(index), option.text.trim()));
            }
        }
        text
    }

    /// The model answer, with its numbers.
    #[must_use]
    pub fn model_answer(&self) -> String {
        self.fill(self.question.model_answer.trim()).into_owned()
    }

    /// The teaching text, with its numbers.
    #[must_use]
    pub fn why(&self) -> String {
        self.fill(self.question.why.trim()).into_owned()
    }

    /// Any other text of the question, such as a hint, with its numbers.
    #[must_use]
    pub fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(numeric) = &self.question.numeric else { return Cow::Borrowed(text) };
        let mut filled = text.to_owned();
        for (name, value) in &self.params {
            // Sizes are shown as people write them in such questions: 4096, not 4,096.
            filled = filled.replace(&format!("{{{name}}}"), &format!("{value}"));
        }
        if filled.contains("{answer}") {
            let answer = numeric::answer(numeric, &self.params).map_or_else(|fault| fault.to_string(), shown);
            filled = filled.replace("{answer}", &answer);
        }
        Cow::Owned(filled)
    }
}
