//! Gradebooks as wholes: one takes over another, two are compared.

use std::fmt::Write as _;

use rusqlite::OptionalExtension as _;
use sha2::{Digest as _, Sha256};

use super::{Gradebook, GradebookError, Graded, Scored, Student, error::Result};

impl Gradebook {
    /// Takes over all students of another gradebook of the same course; of a student in both, the one graded later.
    ///
    /// # Errors
    /// They are of different courses, or the database failed.
    pub fn absorb(&mut self, other: &Self) -> Result<()> {
        let course = |book: &Self| book.meta("course_hash");
        if course(self)?.is_some() && course(self)? != course(other)? {
            return Err(GradebookError::Courses);
        }
        let notes: Vec<(String, String)> =
            other.rows("SELECT key, value FROM meta ORDER BY key", |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (key, value) in notes {
            self.set_meta(&key, &value)?;
        }
        let (results, verdicts, prints) = (other.results()?, other.verdicts()?, other.prints()?);
        for (student, submission) in other.students()?.into_iter().zip(other.submissions()?) {
            let mine: Option<i64> = self
                .connection
                .query_row("SELECT graded_at FROM submission WHERE student = ?1", [&student.id], |row| row.get(0))
                .optional()?;
            if mine.is_some_and(|mine| mine > submission.graded_at) {
                continue;
            }
            let own_prints = prints.iter().filter(|(_, owner, _)| *owner == student.id);
            self.record(&Graded {
                results: results.iter().filter(|row| row.student == student.id).cloned().collect(),
                verdicts: verdicts.iter().filter(|row| row.student == student.id).cloned().collect(),
                prints: own_prints.map(|(exercise, _, print)| (exercise.clone(), vec![*print])).collect(),
                student,
                submission,
            })?;
        }
        Ok(())
    }

    /// SHA-256 of all that is not a time: two runs over the same submissions agree in it.
    ///
    /// # Errors
    /// The database failed.
    pub fn digest(&self) -> Result<String> {
        let mut text = String::new();
        for Student { id, name } in self.students()? {
            let _ = writeln!(text, "{id:?} {name:?} {:?}", self.hash(&id)?);
        }
        for row in self.results()? {
            let Scored { student, exercise, test, points, earned, message, diagnosis, .. } = row;
            let _ = writeln!(text, "{:?}", (student, exercise, test, points, earned, message, diagnosis));
        }
        for row in self.verdicts()? {
            let _ = writeln!(text, "{row:?}");
        }
        for row in self.similar()? {
            let _ = writeln!(text, "{row:?}");
        }
        Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
