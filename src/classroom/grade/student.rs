//! One student, graded: from what was handed in to the rows of the gradebook.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use super::{GradeError, Handed, Options, Workshop, compile, plan::Plan, prints, scan, trial};
use crate::classroom::{
    Planned, TestResult,
    gradebook::{Graded, Scored, Status, Student, Submission, Verdict},
};

/// Characters of a message that the gradebook keeps.
const SHOWN: usize = 600;

/// Compiles and runs what `handed` holds, in `folder`, which is the student's own. `hash` is what it is graded under.
pub(super) fn one(
    workshop: &Workshop,
    options: &Options,
    plan: &Plan,
    folder: &Path,
    handed: &Handed,
    hash: String,
) -> Result<Graded, GradeError> {
    let start = Instant::now();
    let (mut sources, mut verdicts) = (BTreeMap::new(), BTreeMap::new());
    for (id, template) in workshop.templates.iter().filter(|(id, _)| plan.tests.contains_key(*id)) {
        let verdict = match (handed.refused.get(id), handed.sources.get(id)) {
            (Some(why), _) => (Status::Hostile, why.clone()),
            (None, None) => (Status::Missing, "nothing was handed in".to_owned()),
            (None, Some(source)) if source.trim() == template.trim() => {
                (Status::Missing, "it is as it was handed out".to_owned())
            }
            (None, Some(source)) => match scan::reason(source).filter(|_| options.strict) {
                Some(why) => (Status::Hostile, why),
                None => {
                    sources.insert(id.clone(), source.clone());
                    continue;
                }
            },
        };
        verdicts.insert(id.clone(), verdict);
    }
    let compiled = compile::compile(workshop, folder, &sources)?;
    verdicts.extend(compiled.broken);
    let mut results = BTreeMap::new();
    if let Some(program) = &compiled.program {
        for id in &compiled.whole {
            let trial = trial::run(workshop, folder, program, id)?;
            let mut reason = trial.reason;
            // What the code reaches for says better why it did not come to its end.
            if let (Status::Hostile | Status::Failed, Some(why)) = (trial.status, scan::reason(&sources[id])) {
                reason = format!("{reason} ({why})");
            }
            verdicts.insert(id.clone(), (trial.status, reason));
            results.insert(id.clone(), trial.results);
        }
    }
    let student = &handed.student;
    let scored =
        plan.tests.iter().flat_map(|(id, tests)| rows(student, id, tests, results.get(id).map_or(&[], Vec::as_slice)));
    let verdict = |(exercise, (status, reason)): (String, (Status, String))| Verdict {
        student: student.clone(),
        exercise,
        status,
        reason: short(&reason),
    };
    let prints = handed
        .sources
        .iter()
        .map(|(id, source)| (id.clone(), prints(source, workshop.templates.get(id).map_or("", String::as_str))));
    Ok(Graded {
        student: Student { id: student.clone(), name: student.clone() },
        submission: Submission {
            student: student.clone(),
            hash,
            graded_at: now(),
            seconds: start.elapsed().as_secs_f64(),
        },
        results: scored.collect(),
        verdicts: verdicts.into_iter().map(verdict).collect(),
        prints: prints.collect(),
    })
}

/// A row for each test of an exercise: as it went, or nothing earned where the run does not count.
fn rows(student: &str, exercise: &str, tests: &[Planned], results: &[TestResult]) -> Vec<Scored> {
    let row = |planned: &Planned| {
        let mut row = Scored {
            student: student.to_owned(),
            exercise: exercise.to_owned(),
            test: format!("{}: {}", planned.part, planned.test),
            points: planned.points,
            earned: 0,
            message: String::new(),
            diagnosis: String::new(),
            seconds: 0.0,
        };
        if let Some(result) = results.iter().find(|result| result.part == planned.part && result.test == planned.test) {
            row.earned = result.earned.min(planned.points);
            row.message = short(&result.message);
            row.diagnosis = result.diagnosis.as_ref().map_or_else(String::new, |diagnosis| short(&diagnosis.text));
            row.seconds = result.seconds;
        }
        row
    };
    tests.iter().map(row).collect()
}

fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}
