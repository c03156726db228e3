//! What there is to run: the tests of each exercise, learnt by running them on the files as they were handed out.

use std::collections::BTreeMap;

use super::{GradeError, Workshop, compile, trial};
use crate::classroom::Planned;

/// The tests by exercise.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) tests: BTreeMap<String, Vec<Planned>>,
    /// Exercises of chapters that cannot be graded without running the chapter, and why.
    pub(super) left_out: BTreeMap<String, String>,
}

/// Compiles and runs the files as they were handed out. What is wrong in an exercise of the course is an error; a chapter's is left out.
pub(super) fn plan(workshop: &Workshop) -> Result<Plan, GradeError> {
    let folder = workshop.work.join("template");
    let compiled = compile::compile(workshop, &folder, &workshop.templates)?;
    let mut plan = Plan::default();
    let chapters = || workshop.chapters.iter().flat_map(|chapter| &chapter.tasks);
    let mut fault = |id: &String, why: String| {
        if chapters().any(|task| task.exercise.id == *id) {
            plan.left_out.insert(id.clone(), why);
            return Ok(());
        }
        Err(GradeError::Course(workshop.folder.clone(), format!("{id} {why}")))
    };
    for (id, (_, why)) in &compiled.broken {
        fault(id, format!("does not compile as it is handed out: {why}"))?;
    }
    let Some(program) = compiled.program else {
        return Err(GradeError::Course(workshop.folder.clone(), "it has no exercise".into()));
    };
    for id in &compiled.whole {
        let trial = trial::run(workshop, &folder, &program, id)?;
        if trial.planned.is_empty() {
            fault(id, format!("has tests that do not run: {}", trial.reason))?;
        } else {
            plan.tests.insert(id.clone(), trial.planned);
        }
    }
    Ok(plan)
}
