//! A verdict as text.

use std::fmt::Write as _;

use crate::quiz::{
    grade::Instance,
    verdict::{Label, Verdict},
};

/// Most characters of one quotation.
const QUOTED: usize = 160;

/// How much of a verdict is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The judgement: each point with the words that earned it, what was missed, corrections.
    Brief,
    /// With the model answer and the why.
    Full,
}

/// Renders `verdict` on an answer to `instance`; every line ends in a newline.
#[must_use]
pub fn show(instance: &Instance<'_>, verdict: &Verdict, detail: Detail) -> String {
    let mut text = String::new();
    let word = match verdict.label {
        Label::Correct => "Correct",
        Label::Partial => "Partly",
        Label::Wrong => "Not yet",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{word} ({:.0} of 100)", 100.0 * verdict.score);
    for point in &verdict.hit {
        let _ = writeln!(text, "  + {}{}", point.text, quoted(&point.evidence));
    }
    for point in &verdict.missed {
        let mark = if point.required { "-" } else { "·" };
        let depth = if point.required { "" } else { " (depth)" };
        let _ = writeln!(text, "  {mark} {}{depth}", point.text);
    }
    for caught in &verdict.misconceptions {
        let _ = writeln!(text, "  ! {}{}\n    {}", caught.text, quoted(&caught.evidence), caught.correction);
        if let Some(claim) = &caught.claim {
            let _ = writeln!(text, "    Claim {claim}: `deltaw claims {claim}` shows the evidence.");
        }
    }
    for note in &verdict.notes {
        let _ = writeln!(text, "  {note}");
    }
    if detail == Detail::Full {
        let _ = writeln!(
            text,
            "\nA strong answer: {}\n\nWhy: {}\n\nSources: {}",
            instance.model_answer(),
            instance.why(),
            instance.question.sources.join("; ")
        );
    }
    clean(&text)
}

/// The learner's words, shortened where they are long.
fn quoted(evidence: &[String]) -> String {
    let short = |words: &String| match words.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("«{} …»", words[..end].trim_end()),
        None => format!("«{words}»"),
    };
    match evidence {
        [] => String::new(),
        said => format!("  you: {}", said.iter().map(short).collect::<Vec<_>>().join(" ")),
    }
}

/// `text` without control characters, so that an answer or a bank cannot drive the terminal.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').collect()
}
