//! `deltaw class progress`: a table.

use std::io::{self, Write as _};

use serde_json::json;

use super::{Failure, Global, Here};
use crate::{
    cli::show,
    demos::{Table, Value},
};

pub(super) fn run(here: &Here, global: &Global) -> Result<(), Failure> {
    let workspace = here.open()?;
    let mut out = io::stdout().lock();
    let mut table = Table {
        title: String::new(),
        columns: ["exercise", "title", "state", "points", "checks", "hints"].map(str::to_owned).to_vec(),
        rows: Vec::new(),
    };
    let mut solved = 0;
    for exercise in &workspace.course.exercises {
        let work = workspace.progress.work(&exercise.id);
        solved += usize::from(work.solved);
        if global.json {
            let line = json!({
                "id": exercise.id, "section": exercise.section, "title": exercise.title, "solved": work.solved, "earned": work.earned,
                "points": work.points, "checks": work.checks, "hints": work.hints, "questions": exercise.questions,
            });
            writeln!(out, "{line}")?;
            continue;
        }
        let state = match (work.solved, work.checks) {
            (true, _) => "solved",
            (false, 0) => "",
            (false, _) => "begun",
        };
        let points = if work.points == 0 { String::new() } else { format!("{} of {}", work.earned, work.points) };
        let count = |number: usize| Value::Text(if number == 0 { String::new() } else { number.to_string() });
        table.rows.push(vec![
            Value::Text(exercise.id.clone()),
            Value::Text(exercise.title.clone()),
            Value::Text(state.to_owned()),
            Value::Text(points),
            count(work.checks as usize),
            count(work.hints),
        ]);
    }
    if !global.json {
        writeln!(out, "{}", show::grid(&table, show::width()))?;
        writeln!(
            out,
            "{solved} of {} solved. Points are those of the public tests.",
            workspace.course.exercises.len()
        )?;
    }
    Ok(())
}
