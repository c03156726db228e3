//! A class out of a gradebook.

use std::collections::{BTreeMap, HashMap};

use super::class::{Alike, Caught, Cell, Class, Hard, Learner};
use crate::classroom::gradebook::{Gradebook, GradebookError, Scored, Status, Verdict};

/// The class in `book`.
///
/// # Errors
/// The database failed.
pub fn class(book: &Gradebook) -> Result<Class, GradebookError> {
    let (results, verdicts) = (book.results()?, book.verdicts()?);
    // Exercises are numbered, so the order of their ids is that of the course.
    let mut columns: Vec<String> =
        results.iter().map(|row| &row.exercise).chain(verdicts.iter().map(|row| &row.exercise)).cloned().collect();
    columns.sort();
    columns.dedup();
    let mut points: HashMap<(&str, &str), (f64, f64)> = HashMap::new();
    for row in &results {
        let (earned, all) = points.entry((&row.student, &row.exercise)).or_default();
        *earned += f64::from(row.earned);
        *all += f64::from(row.points);
    }
    let verdict_of: HashMap<(&str, &str), &Verdict> =
        verdicts.iter().map(|row| ((row.student.as_str(), row.exercise.as_str()), row)).collect();
    let seconds: HashMap<String, f64> =
        book.submissions()?.into_iter().map(|submission| (submission.student, submission.seconds)).collect();
    // An exercise is worth the same for everybody, whether or not it ran.
    let worth = |exercise: &str| {
        points.iter().filter(|((_, name), _)| *name == exercise).fold(0.0_f64, |most, (_, (_, all))| most.max(*all))
    };
    let worth: Vec<f64> = columns.iter().map(|exercise| worth(exercise)).collect();
    let total: f64 = worth.iter().sum();
    let share = |earned: f64, all: f64| if all > 0.0 { (earned / all).clamp(0.0, 1.0) } else { 0.0 };
    let mut learners = Vec::new();
    for student in book.students()? {
        let mut sum = 0.0;
        let mut cells = Vec::new();
        for (exercise, &all) in columns.iter().zip(&worth) {
            let key = (student.id.as_str(), exercise.as_str());
            let verdict = verdict_of.get(&key);
            // Who was caught keeps nothing of that exercise.
            let hostile = verdict.is_some_and(|verdict| verdict.status == Status::Hostile);
            let earned = points.get(&key).filter(|_| !hostile).map_or(0.0, |(earned, _)| *earned);
            sum += earned;
            let done = verdict.map_or(points.contains_key(&key), |verdict| verdict.status != Status::Missing);
            let note = verdict.map_or_else(String::new, |verdict| match verdict.reason.as_str() {
                "" => verdict.status.to_string(),
                reason => format!("{}: {reason}", verdict.status),
            });
            cells.push(done.then(|| Cell { share: share(earned, all), note }));
        }
        let seconds = seconds.get(&student.id).copied().unwrap_or(0.0);
        learners.push(Learner { score: share(sum, total), id: student.id, name: student.name, cells, seconds });
    }
    let caught = |row: &Verdict| Caught {
        student: row.student.clone(),
        exercise: row.exercise.clone(),
        reason: row.reason.clone(),
    };
    Ok(Class {
        title: book.meta("course")?.unwrap_or_else(|| "The class".to_owned()),
        column: "exercise".to_owned(),
        item: "test".to_owned(),
        time: "what compiling and running a submission took".to_owned(),
        hard: hard(&results),
        columns,
        learners,
        alike: book
            .similar()?
            .into_iter()
            .map(|pair| Alike { a: pair.a, b: pair.b, exercise: pair.exercise, share: pair.share })
            .collect(),
        caught: verdicts.iter().filter(|row| row.status == Status::Hostile).map(caught).collect(),
    })
}

/// Tests by how often points were lost in them, each with its commonest diagnosis.
fn hard(results: &[Scored]) -> Vec<Hard> {
    let mut tests: BTreeMap<(&str, &str), Vec<&Scored>> = BTreeMap::new();
    for row in results {
        tests.entry((&row.exercise, &row.test)).or_default().push(row);
    }
    let items = tests.into_iter().map(|((column, name), rows)| {
        let lost = || rows.iter().filter(|row| row.earned < row.points);
        Hard::count(column, name, rows.len(), lost().count(), lost().map(|row| row.diagnosis.as_str()))
    });
    Hard::ordered(items)
}
