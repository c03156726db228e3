//! The course as it is handed out, in the binary: texts, exercises with holes, public tests, hints.

use super::Course;

/// What a student gets of one exercise.
#[derive(Debug)]
pub struct Files {
    /// The exercise's id.
    pub id: &'static str,
    /// Its text, Markdown.
    pub text: &'static str,
    /// The file with holes.
    pub exercise: &'static str,
    /// The public tests.
    pub tests: &'static str,
    /// All hints; [`course::hints`](super::course::hints) splits them.
    pub hints: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/handout.rs"));

/// Pins every dependency of a workspace to what this build was tested with.
pub(super) const LOCK: &str = include_str!("../../Cargo.lock");

/// The course that ships with this build.
///
/// # Errors
/// The build holds no course; says what to do.
pub fn course() -> Result<Course, String> {
    match Course::parse(COURSE) {
        Ok(course) if course.exercises.is_empty() => {
            Err("this build holds no course: build deltaw from its repository, where the folder drills is".to_owned())
        }
        Ok(course) => Ok(course),
        Err(error) => Err(format!("the course of this build cannot be read: {error}")),
    }
}

/// The files of an exercise.
#[must_use]
pub fn files(id: &str) -> Option<&'static Files> {
    FILES.iter().find(|files| files.id == id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_listed_exercise_is_handed_out_without_its_solution() {
        for exercise in course().unwrap().exercises {
            let files = files(&exercise.id).unwrap();
            assert!(files.exercise.contains("todo!(") && files.text.starts_with("# "), "{}", exercise.id);
            assert_eq!(super::super::course::hints(files.hints).len(), super::super::course::HINTS);
        }
    }
}
