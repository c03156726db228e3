//! What a student is told: a Markdown file.

use std::{fmt::Write as _, fs, io::Write as _, path::Path};

use super::{GradeError, Handed, Workshop};
use crate::classroom::gradebook::{Graded, Status};

/// Writes `STUDENT.md` in `folder`, whole or not at all.
pub(super) fn write(folder: &Path, workshop: &Workshop, handed: &Handed, graded: &Graded) -> Result<(), GradeError> {
    let path = folder.join(format!("{}.md", graded.student.id));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text(workshop, handed, graded).as_bytes())?;
        file.persist(&path).map_err(|error| error.error)?;
        readable(&path)
    };
    write().map_err(|error| GradeError::at(&path, error))
}

/// A temporary file is its owner's alone; feedback is to be handed on.
fn readable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

fn text(workshop: &Workshop, handed: &Handed, graded: &Graded) -> String {
    let (earned, points) =
        graded.results.iter().fold((0, 0), |(earned, points), row| (earned + row.earned, points + row.points));
    let mut text = format!("# {}: {}\n\n{earned} of {points} points.\n", workshop.course.title, graded.student.name);
    for exercise in &workshop.course.exercises {
        let rows: Vec<_> = graded.results.iter().filter(|row| row.exercise == exercise.id).collect();
        let (earned, points) =
            rows.iter().fold((0, 0), |(earned, points), row| (earned + row.earned, points + row.points));
        let Some(verdict) = graded.verdicts.iter().find(|verdict| verdict.exercise == exercise.id) else { continue };
        let _ = write!(text, "\n## {}: {earned} of {points}\n\n", exercise.title);
        match verdict.status {
            Status::Ok => text += "All tests pass.\n",
            Status::Partial | Status::Failed if rows.iter().any(|row| !row.message.is_empty()) => {
                for row in rows {
                    let mark = if row.earned == row.points { 'x' } else { ' ' };
                    let _ = writeln!(text, "- [{mark}] {} ({} of {})", plain(&row.test), row.earned, row.points);
                    // Values of hidden tests stay hidden: whoever hands in again could write them down.
                    let message = if row.test.starts_with("hidden: ") { "" } else { &row.message };
                    for line in [row.diagnosis.as_str(), message].into_iter().filter(|line| !line.is_empty()) {
                        let _ = writeln!(text, "  - {}", plain(line));
                    }
                }
            }
            status => {
                let _ = writeln!(text, "No points ({status}): {}.", plain(&verdict.reason));
            }
        }
    }
    if !handed.aside.is_empty() {
        text += "\n## Not used\n\n";
        for name in &handed.aside {
            let _ = writeln!(text, "- {}", plain(name));
        }
    }
    text
}

/// Text as text: what a submission made its way into must not become a link or a picture.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        if "<>[]*_#|\\!".contains(c) {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}
