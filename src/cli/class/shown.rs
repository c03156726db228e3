//! An exercise's text and a check, for the terminal.

use crate::{
    classroom::{
        attempt::{Attempt, Ended},
        handout::Files,
        harness,
        workspace::Workspace,
    },
    cli::{show, verdict},
};

/// The text of an exercise, and where to write.
pub(super) fn text(workspace: &Workspace, files: &Files) -> String {
    let file = workspace.file(files.id);
    let shown = std::env::current_dir().ok().and_then(|here| file.strip_prefix(here).ok()).unwrap_or(&file).display();
    format!("{}\nEdit {shown}, then: deltaw class check\n", files.text)
}

/// How a check went; every line ends in a newline.
pub(super) fn attempt(attempt: &Attempt) -> String {
    let id = &attempt.id;
    let seconds = attempt.seconds;
    let mut text = match &attempt.ended {
        Ended::NotCompiled { errors } => {
            format!("{id} does not compile ({seconds:.1} s):\n\n{}\n", errors.join("\n\n"))
        }
        Ended::Stopped { reason, .. } => format!("{id} earns nothing ({seconds:.1} s): {reason}\n"),
        Ended::Ran { record, .. } => {
            let (earned, points) = (record.earned(), record.points());
            let head = match record.passed() {
                true => format!("{id} is solved: {points} points ({seconds:.1} s)\n"),
                false => format!("{id}: {earned} of {points} points ({seconds:.1} s)\n"),
            };
            head + &record.results.iter().map(result).collect::<String>()
        }
    };
    if let Ended::Ran { printed, .. } | Ended::Stopped { printed, .. } = &attempt.ended
        && !printed.is_empty()
    {
        text += &format!("Your code printed:\n{}\n", printed.trim_end());
    }
    verdict::clean(&text)
}

fn result(result: &crate::classroom::TestResult) -> String {
    let width = show::width();
    harness::lines(result).lines().map(|line| indented(line, width)).collect()
}

/// A line, wrapped with its indentation kept.
fn indented(line: &str, width: u16) -> String {
    let body = line.trim_start();
    let indent = &line[..line.len() - body.len()];
    let room = width.saturating_sub(indent.len().min(20) as u16).max(20);
    show::wrap(body, room).lines().map(|part| format!("{indent}{part}\n")).collect()
}
