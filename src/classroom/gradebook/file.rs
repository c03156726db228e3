//! The gradebook's file: its tables, its version, and how it is told from other files.

use std::{fs::File, io::Read as _, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use super::{Gradebook, GradebookError, error::Result};

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
