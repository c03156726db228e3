//! What the drill says, as text for people or one JSON object a line for scripts.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use serde::Serialize;
use serde_json::json;

use crate::{
    cli::{
        judge,
        show::{self, wrap},
        verdict::{self, Detail, clean},
    },
    demos::Report,
    quiz::{bank::Kind, grade::Instance, judge::Judgement, scorecard::Scorecard, verdict::Verdict},
};

/// Says things.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    /// JSON instead of text.
    pub(super) json: bool,
}

impl Voice {
    fn object(self, kind: &str, content: &impl Serialize) -> io::Result<()> {
        let mut object = serde_json::to_value(content).map_err(io::Error::other)?;
        object["event"] = json!(kind);
        writeln!(io::stdout().lock(), "{object}")
    }

    fn text(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "{}", clean(text))?;
        out.flush()
    }

    /// A remark.
    pub(super) fn note(self, text: &str) -> io::Result<()> {
        match self.json {
            true => self.object("note", &json!({"text": text})),
            false => self.text(&format!("{}\n", wrap(text, show::width()))),
        }
    }

    /// A question, `number` of `of`; `left` is what is left of the time.
    pub(super) fn question(
        self,
        instance: &Instance<'_>,
        (number, of): (usize, usize),
        left: Option<&str>,
    ) -> io::Result<()> {
        let question = instance.question;
        let kind = Kind::of(question).map_or("", Kind::name);
        if self.json {
            return self.object(
                "question",
                &json!({
                    "id": question.id, "kind": kind, "section": question.section, "difficulty": question.difficulty,
                    "seed": instance.seed, "text": instance.text(), "number": number, "of": of, "left": left,
                }),
            );
        }
        let left = left.map_or_else(String::new, |left| format!(" · {left} left"));
        let head = format!(
            "[{number}/{of}] {} · {} · difficulty {} · {kind}{left}",
            question.id, question.section, question.difficulty
        );
        let body: Vec<_> = instance.text().lines().map(|line| indent(line, show::width())).collect();
        self.text(&format!("\n{head}\n{}\n", body.join("\n")))
    }

    /// A judgement.
    pub(super) fn verdict(self, instance: &Instance<'_>, verdict: &Verdict, detail: Detail) -> io::Result<()> {
        if self.json {
            let mut object = serde_json::to_value(verdict).map_err(io::Error::other)?;
            object["id"] = json!(instance.question.id);
            if detail == Detail::Full {
                object["model_answer"] = json!(instance.model_answer());
                object["why"] = json!(instance.why());
            }
            return self.object("verdict", &object);
        }
        let text: Vec<_> =
            verdict::show(instance, verdict, detail).lines().map(|line| indent(line, show::width())).collect();
        self.text(&format!("{}\n", text.join("\n")))
    }

    /// A second opinion on the judgement before it.
    pub(super) fn judgement(self, judgement: &Judgement) -> io::Result<()> {
        if self.json {
            return self.object("judge", judgement);
        }
        let text: Vec<_> = judge::show(judgement).lines().map(|line| indent(line, show::width())).collect();
        self.text(&format!("{}\n", text.join("\n")))
    }

    /// A hint.
    pub(super) fn hint(self, text: &str, number: usize, of: usize) -> io::Result<()> {
        match self.json {
            true => self.object("hint", &json!({"text": text, "number": number, "of": of})),
            false => self.text(&format!("Hint {number} of {of}: {}\n", wrap(text, show::width()))),
        }
    }

    /// The answer, the why, the follow-ups and the sources of a question.
    pub(super) fn explain(self, instance: &Instance<'_>) -> io::Result<()> {
        let question = instance.question;
        if self.json {
            let pressed: Vec<_> =
                question.follow_ups.iter().map(|f| json!({"ask": f.ask, "answer": f.answer})).collect();
            return self.object(
                "explain",
                &json!({
                    "id": question.id, "model_answer": instance.model_answer(), "why": instance.why(), "follow_ups": pressed,
                    "demo": question.demo, "sources": question.sources,
                }),
            );
        }
        let width = show::width();
        let mut text = format!(
            "{}\n\n{}\n",
            wrap(&format!("A strong answer: {}", instance.model_answer()), width),
            wrap(&format!("Why: {}", instance.why()), width)
        );
        for follow_up in &question.follow_ups {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "\n{}\n{}",
                wrap(&format!("Next: {}", instance.fill(&follow_up.ask)), width),
                indent(&format!("  {}", instance.fill(&follow_up.answer)), width)
            );
        }
        let _ =
            writeln!(text, "\nSee it run: :demo ({})   Sources: {}", question.demo.name, question.sources.join("; "));
        self.text(&text)
    }

    /// What the interviewer presses with.
    pub(super) fn press(self, ask: &str) -> io::Result<()> {
        match self.json {
            true => self.object("press", &json!({"ask": ask})),
            false => self.text(&format!("Interviewer: {}\n", wrap(ask, show::width()))),
        }
    }

    /// What came of a reply to a follow-up.
    pub(super) fn reply(self, right: Option<bool>, answer: &str) -> io::Result<()> {
        if self.json {
            return self.object("reply", &json!({"right": right, "answer": answer}));
        }
        let judged = match right {
            Some(true) => "Yes. ",
            Some(false) => "Not quite. ",
            None => "",
        };
        self.text(&format!("{}\n", wrap(&format!("{judged}{answer}"), show::width())))
    }

    /// A demo's report.
    pub(super) fn demo(self, report: &Report) -> io::Result<()> {
        match self.json {
            true => self.object("demo", &json!({"report": report})),
            false => self.text(&format!("\n{}\n", show::report(report, show::width()))),
        }
    }

    /// Results by section.
    pub(super) fn scorecard(self, card: &Scorecard) -> io::Result<()> {
        match self.json {
            true => self.object("scorecard", card),
            false => self.text(&format!("\n{}", scorecard_text(card))),
        }
    }

    /// The end.
    pub(super) fn end(self, answered: usize, record: &str) -> io::Result<()> {
        if self.json {
            return self.object("end", &json!({"answered": answered, "record": record}));
        }
        let plural = if answered == 1 { "answer" } else { "answers" };
        self.text(&format!("{answered} {plural} saved in {record}\n"))
    }
}

/// A scorecard as text.
pub(in crate::cli) fn scorecard_text(card: &Scorecard) -> String {
    let mut text = String::from("Section                                  right  part  wrong   mean\n");
    for line in &card.sections {
        let [wrong, partial, correct] = line.labels;
        let title: String = line.title.chars().take(38).collect();
        let _ = writeln!(text, "{title:<40} {correct:>5} {partial:>5} {wrong:>6} {:>5.0} %", 100.0 * line.mean);
    }
    let _ = writeln!(text, "{:<40} {:>24.0} %", format!("All {}", card.answered), 100.0 * card.mean);
    for line in card.sections.iter().filter(|line| line.study.is_some()) {
        let _ = writeln!(text, "Study {}: {}", line.title, line.study.as_deref().unwrap_or_default());
    }
    text
}

/// Wraps a line, keeping the blanks it begins with on every line.
fn indent(line: &str, width: u16) -> String {
    let blanks = line.len() - line.trim_start_matches(' ').len();
    let margin = " ".repeat(blanks);
    wrap(line.trim_start_matches(' '), width.saturating_sub(blanks as u16))
        .lines()
        .map(|part| format!("{margin}{part}"))
        .collect::<Vec<_>>()
        .join("\n")
}
