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

mod row;

use std::{
    fmt::Write as _,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

pub use row::{Graded, Scored, Similar, Status, Student, Submission, Verdict};

/// Version of the tables, kept in the file itself.
const VERSION: i64 = 1;

/// `deltaw` in the file's header, so that another program's database is not taken for a gradebook.
const APPLICATION: i64 = 0x6465_6c74;

/// How long one grader waits while another writes.
const PATIENCE: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE student (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE submission (student TEXT PRIMARY KEY REFERENCES student(id), hash TEXT NOT NULL, graded_at INTEGER NOT NULL, seconds REAL NOT NULL);
CREATE TABLE result (
  student TEXT NOT NULL REFERENCES student(id), exercise TEXT NOT NULL, test TEXT NOT NULL, points INTEGER NOT NULL, earned INTEGER NOT NULL,
  message TEXT NOT NULL, diagnosis TEXT NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (student, exercise, test));
CREATE TABLE verdict (
  student TEXT NOT NULL REFERENCES student(id), exercise TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (student, exercise));
CREATE TABLE similar (a TEXT NOT NULL, b TEXT NOT NULL, exercise TEXT NOT NULL, share REAL NOT NULL, PRIMARY KEY (exercise, a, b));
CREATE TABLE print (student TEXT NOT NULL REFERENCES student(id), exercise TEXT NOT NULL, print INTEGER NOT NULL);
CREATE INDEX print_by_student ON print(student);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
";

/// What can go wrong with a gradebook.
#[derive(Debug, thiserror::Error)]
pub enum GradebookError {
    /// There is none.
    #[error("{0}: there is no such gradebook; `deltaw class grade` makes one")]
    Absent(PathBuf),
    /// It is something else.
    #[error("{0} is no gradebook of deltaw; name another file")]
    Foreign(PathBuf),
    /// It was written by a later version of this program.
    #[error("{0} was written by a newer deltaw; update deltaw, or name another file")]
    Newer(PathBuf),
    /// Two gradebooks are of different courses.
    #[error("the gradebooks are of different courses: grade all shards with the same tests and limits")]
    Courses,
    /// The database failed.
    #[error("the gradebook cannot be used: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
}

type Result<T> = std::result::Result<T, GradebookError>;

/// A gradebook.
#[derive(Debug)]
pub struct Gradebook {
    connection: Connection,
}

impl Gradebook {
    /// The gradebook at `path`, made if there is none.
    ///
    /// # Errors
    /// See [`GradebookError`].
    pub fn open(path: &Path) -> Result<Self> {
        recognise(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()?;
        Self { connection }.known(path)
    }

    /// The gradebook at `path`, which must exist, for reading.
    ///
    /// # Errors
    /// See [`GradebookError`].
    pub fn read(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(GradebookError::Absent(path.to_owned()));
        }
        recognise(path)?;
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(PATIENCE)?;
        Self { connection }.known(path)
    }

    fn known(self, path: &Path) -> Result<Self> {
        let application: i64 = self.connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let version: i64 = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match (application, version) {
            (APPLICATION, VERSION) => Ok(self),
            (APPLICATION, _) => Err(GradebookError::Newer(path.to_owned())),
            _ => Err(GradebookError::Foreign(path.to_owned())),
        }
    }

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

    fn rows<T>(&self, query: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>> {
        let mut query = self.connection.prepare(query)?;
        let rows = query.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}

/// Refuses a file that is no SQLite database before SQLite would write to it.
fn recognise(path: &Path) -> Result<()> {
    let at = |error| GradebookError::File(path.to_owned(), error);
    if !path.exists() {
        return Ok(());
    }
    let mut head = Vec::new();
    File::open(path).map_err(at)?.take(16).read_to_end(&mut head).map_err(at)?;
    let known = head.is_empty() || head == b"SQLite format 3\0";
    if known { Ok(()) } else { Err(GradebookError::Foreign(path.to_owned())) }
}

#[cfg(test)]
mod tests;
