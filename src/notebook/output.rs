//! What a cell sends to the kernel: blocks of content by MIME type.

use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};

/// MIME type of the facts, which Jupyter keeps in the notebook and does not show.
pub const FACTS: &str = "application/vnd.deltaw.facts+json";

/// What a runner can hold a cell to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The figures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Pictured>,
    /// The numbers that the cell states.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<Stated>,
    /// The checks of exercises.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Ids of questions that were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<String>,
    /// What failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pictured {
    /// Its heading.
    pub title: String,
    /// The sentence that says what to see in it.
    pub see: String,
}

/// A number and how far another run may be from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stated {
    /// Its name, unique in the cell.
    pub name: String,
    /// Its value; none where it is not finite, which JSON cannot say.
    pub value: Option<f64>,
    /// Largest absolute difference that is allowed.
    pub within: f64,
}

/// A check of an exercise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The exercise.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// What is wrong, where it did not.
    pub message: String,
}

/// What is shown: HTML, the same as text, and the facts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// For Jupyter.
    pub html: String,
    /// For a terminal, and where HTML cannot be shown.
    pub text: String,
    /// For the runner.
    pub facts: Facts,
}

impl Output {
    /// Text alone.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// HTML with the same as text.
    #[must_use]
    pub fn html(html: impl Into<String>, text: impl Into<String>) -> Self {
        Self { html: html.into(), text: text.into(), facts: Facts::default() }
    }

    /// Adds what comes below.
    #[must_use]
    pub fn then(mut self, below: Self) -> Self {
        if self.html.is_empty() != below.html.is_empty() {
            self.html = self.as_html();
            self.html += &below.as_html();
        } else {
            self.html += &below.html;
        }
        if !self.text.is_empty() && !below.text.is_empty() {
            self.text.push('\n');
        }
        self.text += &below.text;
        let Facts { figures, numbers, checks, questions, errors } = below.facts;
        self.facts.figures.extend(figures);
        self.facts.numbers.extend(numbers);
        self.facts.checks.extend(checks);
        self.facts.questions.extend(questions);
        self.facts.errors.extend(errors);
        self
    }

    fn as_html(&self) -> String {
        match (self.html.is_empty(), self.text.is_empty()) {
            (true, false) => format!("<pre>{}</pre>\n", super::html::escape(&self.text)),
            _ => self.html.clone(),
        }
    }

    /// The blocks as evcxr reads them from standard output.
    #[must_use]
    pub fn blocks(&self) -> String {
        let mut blocks = String::new();
        let mut block = |mime: &str, content: &str| {
            if !content.is_empty() {
                // A line that reads like evcxr's own marks would end the block early.
                let content = content.replace("EVCXR_", "EVCXR\u{2009}");
                blocks += &format!("EVCXR_BEGIN_CONTENT {mime}\n{}\nEVCXR_END_CONTENT\n", content.trim_end());
            }
        };
        block("text/html", &self.html);
        block("text/plain", &self.text);
        if self.facts != Facts::default() {
            block(FACTS, &serde_json::to_string(&self.facts).unwrap_or_default());
        }
        blocks
    }

    /// Sends it to the kernel.
    pub fn send(&self) {
        // A cell without a listener has nobody to tell.
        let _ = io::stdout().lock().write_all(self.blocks().as_bytes());
    }
}
