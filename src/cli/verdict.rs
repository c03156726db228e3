//! A verdict as text.

use std::fmt::Write as _;

use crate::quiz::{
    grade::Instance,
    verdict::{Label, PointVerdict, Verdict},
};

/// How much of a verdict is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The judgement, what was missed, and corrections.
    Brief,
    /// With the words that earned each point.
    Found,
    /// With those words, the model answer and the why.
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
        let _ = writeln!(text, "  + {}{}", point.text, evidence(point, detail));
    }
    for point in &verdict.missed {
        let mark = if point.required { "-" } else { "·" };
        let depth = if point.required { "" } else { " (depth)" };
        let _ = writeln!(text, "  {mark} {}{depth}", point.text);
    }
    for caught in &verdict.misconceptions {
        let said = if caught.evidence.is_empty() {
            String::new()
        } else {
            format!(" («{}»)", caught.evidence.join("» «"))
        };
        let _ = writeln!(text, "  ! {}{said}\n    {}", caught.text, caught.correction);
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

fn evidence(point: &PointVerdict, detail: Detail) -> String {
    match detail {
        Detail::Full | Detail::Found if !point.evidence.is_empty() => format!("  «{}»", point.evidence.join("» «")),
        _ => String::new(),
    }
}

/// `text` without control characters, so that an answer or a bank cannot drive the terminal.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').collect()
}
