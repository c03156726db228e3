//! Whether a cell went well. The kernel's own word is not enough: it calls a panic, a failed check and an error from `?` a success.

use serde_json::Value;

use super::{
    chapter::{Cell, joined},
    compare,
    fault::Fault,
    keep,
};

/// How a cell is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// Everything in order, and equal to what is committed.
    Committed,
    /// Everything in order; what is committed will be replaced.
    Sound,
    /// The check of an exercise that is not solved yet: it must fail, by its own word.
    FailedCheck,
    /// The check of a solved exercise: it must pass.
    PassedCheck,
}

/// What is wrong with `cell`, given what it put out.
pub(super) fn judge(cell: &Cell, outputs: &[Value], expect: Expect) -> Vec<Fault> {
    let mut faults = broken(outputs);
    let facts = keep::facts(outputs);
    let failed = facts.checks.iter().filter(|check| !check.passed);
    match expect {
        Expect::FailedCheck if faults.is_empty() && facts.checks.is_empty() => {
            faults.push(Fault::Unsolved("the cell is tagged `check` and shows no check".to_owned()));
        }
        Expect::FailedCheck if faults.is_empty() && failed.clone().count() == 0 => {
            faults.push(Fault::Unsolved("the check passes before anybody solved the exercise".to_owned()));
        }
        Expect::FailedCheck => {}
        Expect::PassedCheck if facts.checks.is_empty() => {
            faults.push(Fault::Unsolved("the cell is tagged `check` and shows no check".to_owned()));
        }
        Expect::Committed | Expect::Sound | Expect::PassedCheck => {
            faults.extend(failed.map(|check| Fault::Check(format!("{}: {}", check.name, check.message))));
        }
    }
    faults.extend(facts.errors.iter().cloned().map(Fault::Shown));
    let unexplained = facts.figures.iter().filter(|figure| figure.see.trim().is_empty());
    faults.extend(
        unexplained.map(|figure| Fault::Figure(format!("“{}” has no sentence that says what to see", figure.title))),
    );
    let pictures = facts.figures.len() + keep::images(outputs);
    if cell.has("figure") && pictures == 0 {
        faults.push(Fault::Figure("the cell is tagged `figure` and shows none".to_owned()));
    }
    if expect == Expect::Committed {
        faults.extend(against(cell, outputs));
    }
    faults
}

/// What no cell may do.
fn broken(outputs: &[Value]) -> Vec<Fault> {
    let (printed, complained) = (keep::stream(outputs, "stdout"), keep::stream(outputs, "stderr"));
    if let Some(panic) = [&printed, &complained].into_iter().find_map(|text| panic_of(text)) {
        // The process ends with the panic, which the kernel reports as an error that says less.
        return vec![Fault::Panic(panic)];
    }
    let mut faults = Vec::new();
    for output in outputs.iter().filter(|output| output["output_type"] == "error") {
        let trace = joined_lines(&output["traceback"]);
        let said = output["evalue"].as_str().unwrap_or("error").to_owned();
        faults.push(Fault::Error(plain(if trace.is_empty() { &said } else { &trace })));
    }
    if !complained.trim().is_empty() {
        faults.push(Fault::Stderr(plain(complained.trim())));
    }
    faults
}

/// Where and why it panicked: the line and the message below it.
fn panic_of(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains("panicked at"))?;
    Some(plain(&lines[at..lines.len().min(at + 2)].join("\n")))
}

fn joined_lines(list: &Value) -> String {
    list.as_array().map(|lines| lines.iter().filter_map(joined).collect::<Vec<_>>().join("\n")).unwrap_or_default()
}

/// `text` without the colours of a terminal.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                let _ = chars.by_ref().find(char::is_ascii_alphabetic);
            }
            '\n' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// What differs from the committed outputs.
fn against(cell: &Cell, outputs: &[Value]) -> Vec<Fault> {
    let (now, was) = (keep::facts(outputs), keep::facts(&cell.outputs));
    let volatile = cell.has("volatile");
    if cell.outputs.is_empty() {
        let shows = !keep::outputs(outputs).is_empty();
        let fault = || Fault::Unrecorded("the notebook has none for this cell: run with --write".to_owned());
        return if shows { vec![fault()] } else { Vec::new() };
    }
    let mut faults = Vec::new();
    for figure in &was.figures {
        if !now.figures.iter().any(|found| found.title == figure.title) {
            faults.push(Fault::Figure(format!("“{}” is missing", figure.title)));
        }
    }
    if keep::images(outputs) < keep::images(&cell.outputs) {
        faults.push(Fault::Figure("an image is missing".to_owned()));
    }
    faults.extend(compare::stated(&now, &was).into_iter().map(Fault::Number));
    // Stated numbers have their own tolerance; the rest of the text is held to the general one.
    if !volatile && was.numbers.is_empty() {
        faults.extend(compare::texts(&keep::shown(outputs), &keep::shown(&cell.outputs)).map(Fault::Number));
    }
    faults
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::notebook::FACTS;

    fn cell(tags: &[&str], outputs: Vec<Value>) -> Cell {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Cell { id: "one".to_owned(), code: true, tags, source: String::new(), outputs }
    }

    fn result(text: &str, facts: &Value) -> Value {
        json!({"output_type": "execute_result", "execution_count": 3, "metadata": {}, "data": {"text/plain": text, FACTS: facts}})
    }

    fn stream(name: &str, text: &str) -> Value {
        json!({"output_type": "stream", "name": name, "text": text})
    }

    fn kinds(cell: &Cell, outputs: &[Value], expect: Expect) -> Vec<&'static str> {
        let kind = |fault: &Fault| match fault {
            Fault::Error(_) => "error",
            Fault::Panic(_) => "panic",
            Fault::Stderr(_) => "stderr",
            Fault::Shown(_) => "shown",
            Fault::Check(_) => "check",
            Fault::Unsolved(_) => "unsolved",
            Fault::Figure(_) => "figure",
            Fault::Number(_) => "number",
            Fault::Unrecorded(_) => "unrecorded",
            Fault::Dead(_) => "dead",
        };
        judge(cell, outputs, expect).iter().map(kind).collect()
    }

    // Recorded from evcxr_jupyter 0.22.0: the kernel's status was "ok" for all but the compile error.
    fn panic_recorded() -> Value {
        stream(
            "stderr",
            "\nthread '<unnamed>' (4711) panicked at src/lib.rs:120:1:\nassertion failed: 1 > 2\nnote: run with `RUST_BACKTRACE=1`\n",
        )
    }

    #[test]
    fn a_sound_cell_passes() {
        let outputs = [result("0.425", &json!({"numbers": [{"name": "loss", "value": 0.425, "within": 0.01}]}))];
        assert!(kinds(&cell(&[], keep::outputs(&outputs)), &outputs, Expect::Committed).is_empty());
    }

    #[test]
    fn a_panic_a_compile_error_and_a_question_mark_are_told_apart() {
        let error = json!({"output_type": "error", "ename": "Error", "evalue": "mismatched types", "traceback": ["\u{1b}[31mmismatched\u{1b}[0m types"]});
        assert_eq!(kinds(&cell(&[], vec![]), &[panic_recorded()], Expect::Sound), ["panic"]);
        assert_eq!(judge(&cell(&[], vec![]), &[error], Expect::Sound), [Fault::Error("mismatched types".to_owned())]);
        assert_eq!(kinds(&cell(&[], vec![]), &[stream("stderr", "shape mismatch\n")], Expect::Sound), ["stderr"]);
        assert_eq!(
            kinds(&cell(&[], vec![]), &[stream("stdout", "x\nthread main panicked at src\nboom")], Expect::Sound),
            ["panic"]
        );
    }

    #[test]
    fn a_missing_figure_and_one_without_a_sentence_are_faults() {
        let with = result("", &json!({"figures": [{"title": "Loss", "see": "It falls."}]}));
        let bare = result("", &json!({"figures": [{"title": "Loss", "see": ""}]}));
        let committed = keep::outputs(std::slice::from_ref(&with));
        assert!(kinds(&cell(&["figure"], committed.clone()), &[with], Expect::Committed).is_empty());
        assert_eq!(kinds(&cell(&[], committed), &[result("", &json!({}))], Expect::Committed), ["figure"]);
        assert_eq!(kinds(&cell(&["figure"], vec![]), &[], Expect::Sound), ["figure"]);
        assert_eq!(kinds(&cell(&[], vec![]), &[bare], Expect::Sound), ["figure"]);
    }

    #[test]
    fn a_number_out_of_tolerance_is_a_fault_stated_or_only_shown() {
        let stated = |value: f64| result("x", &json!({"numbers": [{"name": "loss", "value": value, "within": 0.01}]}));
        let committed = keep::outputs(&[stated(0.425)]);
        assert!(kinds(&cell(&[], committed.clone()), &[stated(0.43)], Expect::Committed).is_empty());
        assert_eq!(kinds(&cell(&[], committed.clone()), &[stated(0.44)], Expect::Committed), ["number"]);
        assert_eq!(kinds(&cell(&[], committed), &[result("x", &json!({}))], Expect::Committed), ["number"]);
        let shown = keep::outputs(&[stream("stdout", "took 12 steps\n")]);
        assert_eq!(
            kinds(&cell(&[], shown.clone()), &[stream("stdout", "took 14 steps\n")], Expect::Committed),
            ["number"]
        );
        assert!(
            kinds(&cell(&["volatile"], shown), &[stream("stdout", "took 14 steps\n")], Expect::Committed).is_empty()
        );
    }

    #[test]
    fn an_exercise_fails_unsolved_and_passes_solved() {
        let check = |passed: bool| {
            result("", &json!({"checks": [{"name": "merge", "passed": passed, "message": "still to do"}]}))
        };
        let cell = cell(&["check"], vec![]);
        assert!(kinds(&cell, &[check(false)], Expect::FailedCheck).is_empty());
        assert_eq!(kinds(&cell, &[check(true)], Expect::FailedCheck), ["unsolved"]);
        assert_eq!(kinds(&cell, &[], Expect::FailedCheck), ["unsolved"]);
        assert_eq!(kinds(&cell, &[panic_recorded()], Expect::FailedCheck), ["panic"]);
        assert!(kinds(&cell, &[check(true)], Expect::PassedCheck).is_empty());
        assert_eq!(kinds(&cell, &[check(false)], Expect::PassedCheck), ["check"]);
        assert_eq!(kinds(&cell, &[check(false)], Expect::Sound), ["check"]);
    }

    #[test]
    fn an_error_that_is_shown_and_outputs_that_were_never_kept_are_faults() {
        assert_eq!(
            kinds(&cell(&[], vec![]), &[result("", &json!({"errors": ["no such demo"]}))], Expect::Sound),
            ["shown"]
        );
        assert_eq!(kinds(&cell(&[], vec![]), &[stream("stdout", "new\n")], Expect::Committed), ["unrecorded"]);
    }

    #[test]
    fn progress_counts_and_build_messages_are_not_kept() {
        let kept = keep::outputs(&[
            stream("stdout", "▕██▏ training: 1 of 2, 3 s left\nloss 0.4\n"),
            stream("stderr", "Compiling\n"),
            result("a\nb", &json!({})),
        ]);
        assert_eq!(kept[0]["text"], json!(["loss 0.4\n"]));
        assert_eq!(kept[1]["execution_count"], Value::Null);
        assert_eq!(kept[1]["data"]["text/plain"], json!(["a\n", "b"]));
        assert_eq!(kept.len(), 2);
    }
}
