//! Progress on disk: every answer, every dispute, and when each question is due, in SQLite.
//!
//! An answer is durable (synchronised to disk) before the next prompt. Write-ahead logging lets two sessions run at once.

mod transfer;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::{schedule::Card, verdict::Label};

pub use transfer::Progress;

/// Version of the tables, kept in the file itself.
const VERSION: i64 = 1;

/// How long a session waits while another one writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How soon a refused session tries again.
const RETRY: Duration = Duration::from_millis(5);

const TABLES: &str = "
CREATE TABLE answers (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, mode TEXT NOT NULL, question TEXT NOT NULL, section TEXT NOT NULL, seed INTEGER NOT NULL,
  answer TEXT NOT NULL, label INTEGER NOT NULL, score REAL NOT NULL, seconds REAL NOT NULL);
CREATE TABLE disputes (answer INTEGER PRIMARY KEY REFERENCES answers(id), at INTEGER NOT NULL);
CREATE TABLE cards (
  question TEXT PRIMARY KEY, stability REAL NOT NULL, difficulty REAL NOT NULL, last INTEGER NOT NULL, due INTEGER NOT NULL);
CREATE INDEX answers_by_question ON answers(question);
";

/// What can go wrong with the record.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or read.
    #[error("{path}: {error}; name another place with --data-dir DIR")]
    Directory {
        /// The directory.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The database was written by a later version of this program.
    #[error("{0} was written by a newer deltaw; update deltaw, or use --data-dir DIR")]
    Newer(String),
    /// The database failed.
    #[error("the record cannot be used: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file of exported progress cannot be used.
    #[error("{0}")]
    Import(String),
}

/// One graded answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Seconds since 1970.
    pub at: i64,
    /// `practice`, `mock` or `quickfire`.
    pub mode: String,
    /// The question's id.
    pub question: String,
    /// Its section.
    pub section: String,
    /// Seed of a numeric question's numbers.
    pub seed: i64,
    /// What was typed.
    pub answer: String,
    /// The judgement.
    pub label: Label,
    /// 0 to 1.
    pub score: f64,
    /// How long it took.
    pub seconds: f64,
    /// Whether the learner disputed the judgement.
    #[serde(default)]
    pub disputed: bool,
}

/// The record of one learner.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Where an unreadable database was moved to.
    set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens the record in `directory`, making both where they are missing. An unreadable database is moved aside, never deleted.
    ///
    /// # Errors
    /// The directory cannot be used, or the database is newer than this program.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let failed = |error| StoreError::Directory { path: directory.display().to_string(), error };
        fs::create_dir_all(directory).map_err(failed)?;
        let path = directory.join("progress.db");
        match connect(&path) {
            Ok(connection) => Ok(Self { connection, path, set_aside: None }),
            Err(StoreError::Database(error)) if is_unreadable(&error) => {
                let aside = free_name(&path);
                fs::rename(&path, &aside).map_err(failed)?;
                for tail in ["-wal", "-shm"] {
                    let mut file = path.clone().into_os_string();
                    file.push(tail);
                    let mut to = aside.clone().into_os_string();
                    to.push(tail);
                    // They exist only where a session was killed.
                    let _ = fs::rename(file, to);
                }
                Ok(Self { connection: connect(&path)?, path, set_aside: Some(aside) })
            }
            Err(error) => Err(error),
        }
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where an unreadable database was moved to when this one was opened.
    #[must_use]
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// Writes an answer and, in one transaction, when its question is due; returns the answer's number.
    ///
    /// # Errors
    /// The database failed; then nothing was written.
    pub fn record(&mut self, answer: &Answer, card: Option<&Card>) -> Result<i64, StoreError> {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let number = insert(&transaction, answer)?;
        if let Some(card) = card {
            put_card(&transaction, &answer.question, card)?;
        }
        transaction.commit()?;
        Ok(number)
    }

    /// Marks answer `number` as disputed.
    ///
    /// # Errors
    /// The database failed.
    pub fn dispute(&mut self, number: i64, at: i64) -> Result<(), StoreError> {
        self.connection.execute("INSERT OR REPLACE INTO disputes VALUES (?1, ?2)", params![number, at])?;
        Ok(())
    }

    /// When `question` is due, if it was ever answered in practice.
    ///
    /// # Errors
    /// The database failed.
    pub fn card(&self, question: &str) -> Result<Option<Card>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Card { stability: row.get(0)?, difficulty: row.get(1)?, last: row.get(2)?, due: row.get(3)? })
        };
        let sql = "SELECT stability, difficulty, last, due FROM cards WHERE question = ?1";
        Ok(self.connection.query_row(sql, [question], read).optional()?)
    }

    /// All answers, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub fn answers(&self) -> Result<Vec<Answer>, StoreError> {
        let sql = "SELECT a.at, mode, question, section, seed, a.answer, label, score, seconds, d.answer IS NOT NULL
                   FROM answers a LEFT JOIN disputes d ON d.answer = a.id ORDER BY a.id";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let label: u8 = row.get(6)?;
            Ok(Answer {
                at: row.get(0)?,
                mode: row.get(1)?,
                question: row.get(2)?,
                section: row.get(3)?,
                seed: row.get(4)?,
                answer: row.get(5)?,
                label: [Label::Wrong, Label::Partial, Label::Correct][usize::from(label.min(2))],
                score: row.get(7)?,
                seconds: row.get(8)?,
                disputed: row.get(9)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn insert(connection: &Connection, answer: &Answer) -> rusqlite::Result<i64> {
    connection.execute(
        "INSERT INTO answers (at, mode, question, section, seed, answer, label, score, seconds)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            answer.at,
            answer.mode,
            answer.question,
            answer.section,
            answer.seed,
            answer.answer,
            answer.label.number(),
            answer.score,
            answer.seconds
        ],
    )?;
    Ok(connection.last_insert_rowid())
}

fn put_card(connection: &Connection, question: &str, card: &Card) -> rusqlite::Result<()> {
    let values = params![question, card.stability, card.difficulty, card.last, card.due];
    connection.execute("INSERT OR REPLACE INTO cards VALUES (?1, ?2, ?3, ?4, ?5)", values).map(|_| ())
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Two new sessions may start at once: only one of them makes the tables.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        VERSION => {}
        _ => return Err(StoreError::Newer(path.display().to_string())),
    }
    transaction.commit()?;
    Ok(connection)
}

/// Turns write-ahead logging on. Where several sessions do it to a new file at once, each would wait for the others' locks, so
/// `SQLite` refuses without asking its busy handler; the refused ones let go and try again.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && start.elapsed() < PATIENCE => {
                thread::sleep(RETRY);
            }
            done => return done,
        }
    }
}

fn is_unreadable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

fn free_name(path: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let name = path.with_extension(format!("unreadable-{number}.db"));
        if !name.exists() {
            return name;
        }
        number += 1;
    }
}
