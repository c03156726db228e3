//! The gradebook: one SQLite file with every test of every student.
//!
//! ```text
//! student(id, name)                                   submission(student, hash, graded_at, seconds)
//! result(student, exercise, test, points, earned, message, diagnosis, seconds)
//! verdict(student, exercise, status, reason)          similar(a, b, exercise, share)
//! print(student, exercise, print)                     meta(key, value)
//! ```
//!
//! A student is written in one transaction, so a run that was killed leaves whole students only, and the next run goes on after them.

mod error;
mod file;
mod row;
mod whole;

use error::Result;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

pub use error::GradebookError;
pub use row::{Graded, Scored, Similar, Status, Student, Submission, Verdict};

/// A gradebook.
#[derive(Debug)]
pub struct Gradebook {
    connection: Connection,
}

impl Gradebook {
    /// Writes a student, whole, in place of what was there of them.
    ///
    /// # Errors
    /// The database failed.
    pub fn record(&mut self, graded: &Graded) -> Result<()> {
        let transaction = self.connection.transaction()?;
        let Graded { student, submission, results, verdicts, prints } = graded;
        for table in ["submission", "result", "verdict", "print"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE student = ?1"), [&student.id])?;
        }
        transaction.execute("INSERT OR REPLACE INTO student VALUES (?1, ?2)", [&student.id, &student.name])?;
        transaction.execute(
            "INSERT INTO submission VALUES (?1, ?2, ?3, ?4)",
            params![student.id, submission.hash, submission.graded_at, submission.seconds],
        )?;
        for row in results {
            transaction.prepare_cached("INSERT INTO result VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
                params![
                    student.id,
                    row.exercise,
                    row.test,
                    row.points,
                    row.earned,
                    row.message,
                    row.diagnosis,
                    row.seconds
                ],
            )?;
        }
        for row in verdicts {
            transaction.prepare_cached("INSERT INTO verdict VALUES (?1, ?2, ?3, ?4)")?.execute(params![
                student.id,
                row.exercise,
                row.status.name(),
                row.reason
            ])?;
        }
        for (exercise, prints) in prints {
            for print in prints {
                transaction.prepare_cached("INSERT INTO print VALUES (?1, ?2, ?3)")?.execute(params![
                    student.id,
                    exercise,
                    print.cast_signed()
                ])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Removes a student who hands nothing in any more.
    ///
    /// # Errors
    /// The database failed.
    pub fn remove(&mut self, student: &str) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for table in ["submission", "result", "verdict", "print"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE student = ?1"), [student])?;
        }
        transaction.execute("DELETE FROM student WHERE id = ?1", [student])?;
        Ok(transaction.commit()?)
    }

    /// The hash under which a student was graded last.
    ///
    /// # Errors
    /// The database failed.
    pub fn hash(&self, student: &str) -> Result<Option<String>> {
        let mut query = self.connection.prepare_cached("SELECT hash FROM submission WHERE student = ?1")?;
        Ok(query.query_row([student], |row| row.get(0)).optional()?)
    }

    /// All students, by id.
    ///
    /// # Errors
    /// The database failed.
    pub fn students(&self) -> Result<Vec<Student>> {
        self.rows("SELECT id, name FROM student ORDER BY id", |row| Ok(Student { id: row.get(0)?, name: row.get(1)? }))
    }

    /// All submissions, by student.
    ///
    /// # Errors
    /// The database failed.
    pub fn submissions(&self) -> Result<Vec<Submission>> {
        self.rows("SELECT student, hash, graded_at, seconds FROM submission ORDER BY student", |row| {
            Ok(Submission { student: row.get(0)?, hash: row.get(1)?, graded_at: row.get(2)?, seconds: row.get(3)? })
        })
    }

    /// All tests, by student and exercise, in the order in which they ran.
    ///
    /// # Errors
    /// The database failed.
    pub fn results(&self) -> Result<Vec<Scored>> {
        let query = "SELECT student, exercise, test, points, earned, message, diagnosis, seconds FROM result ORDER BY student, exercise, rowid";
        self.rows(query, |row| {
            Ok(Scored {
                student: row.get(0)?,
                exercise: row.get(1)?,
                test: row.get(2)?,
                points: row.get(3)?,
                earned: row.get(4)?,
                message: row.get(5)?,
                diagnosis: row.get(6)?,
                seconds: row.get(7)?,
            })
        })
    }

    /// All verdicts, by student and exercise.
    ///
    /// # Errors
    /// The database failed.
    pub fn verdicts(&self) -> Result<Vec<Verdict>> {
        self.rows("SELECT student, exercise, status, reason FROM verdict ORDER BY student, exercise", |row| {
            let status: String = row.get(2)?;
            let status = status.parse().map_err(|error: String| {
                rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, error.into())
            })?;
            Ok(Verdict { student: row.get(0)?, exercise: row.get(1)?, status, reason: row.get(3)? })
        })
    }

    /// Pairs that are alike, the most alike first.
    ///
    /// # Errors
    /// The database failed.
    pub fn similar(&self) -> Result<Vec<Similar>> {
        self.rows("SELECT a, b, exercise, share FROM similar ORDER BY share DESC, exercise, a, b", |row| {
            Ok(Similar { a: row.get(0)?, b: row.get(1)?, exercise: row.get(2)?, share: row.get(3)? })
        })
    }

    /// Replaces the pairs that are alike.
    ///
    /// # Errors
    /// The database failed.
    pub fn set_similar(&mut self, pairs: &[Similar]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        transaction.execute("DELETE FROM similar", [])?;
        for pair in pairs {
            transaction.prepare_cached("INSERT INTO similar VALUES (?1, ?2, ?3, ?4)")?.execute(params![
                pair.a,
                pair.b,
                pair.exercise,
                pair.share
            ])?;
        }
        Ok(transaction.commit()?)
    }

    /// All fingerprints: exercise, student, print.
    ///
    /// # Errors
    /// The database failed.
    pub fn prints(&self) -> Result<Vec<(String, String, u64)>> {
        self.rows("SELECT exercise, student, print FROM print ORDER BY exercise, student, print", |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned()))
        })
    }

    /// A note on the whole, such as `course` (the course's title).
    ///
    /// # Errors
    /// The database failed.
    pub fn meta(&self, key: &str) -> Result<Option<String>> {
        Ok(self.connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()?)
    }

    /// Writes a note on the whole.
    ///
    /// # Errors
    /// The database failed.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<()> {
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", [key, value])?;
        Ok(())
    }

    fn rows<T>(&self, query: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>> {
        let mut query = self.connection.prepare(query)?;
        let rows = query.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests;
