//! Judgements that were asked for once, kept by a hash of all that led to them.

use std::{fs, io, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

/// How many replies are kept; the oldest go first.
const KEPT: i64 = 20_000;

/// How long another session's write is waited for.
const WAIT: Duration = Duration::from_secs(2);

/// Version of the table, kept in the file.
const VERSION: i64 = 1;

/// The name of a reply: SHA-256 of all that led to it.
pub(super) type Name = [u8; 32];

/// Hashes `parts`, each with its length before it, so that no two lists run together.
pub(super) fn name(parts: &[&str]) -> Name {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Why replies cannot be kept. The judge works without.
#[derive(Debug, thiserror::Error)]
#[error("judgements are not kept for the next time: {0}")]
pub struct CacheError(String);

impl From<rusqlite::Error> for CacheError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<io::Error> for CacheError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// The models' texts as they came. They are read and checked anew each time: the file is not trusted more than the endpoint.
#[derive(Debug)]
pub struct Cache {
    connection: Connection,
    kept: i64,
}

impl Cache {
    /// Opens `judge.db` in `directory`. What cannot be read is begun anew: nothing in it is more than a saved request.
    ///
    /// # Errors
    /// The directory or the file cannot be used.
    pub fn open(directory: &Path) -> Result<Self, CacheError> {
        fs::create_dir_all(directory)?;
        let file = directory.join("judge.db");
        let connection = match connect(&file) {
            Err(error) if is_unreadable(&error) => {
                fs::remove_file(&file)?;
                connect(&file)?
            }
            other => other?,
        };
        Ok(Self { connection, kept: KEPT })
    }

    /// The text that is kept under `name`. A cache that fails is an empty one.
    pub(super) fn get(&self, name: &Name) -> Option<String> {
        let sql = "SELECT text FROM replies WHERE name = ?1";
        self.connection.query_row(sql, [name.as_slice()], |row| row.get(0)).optional().ok().flatten()
    }

    /// Keeps `text`, and lets the oldest go. What cannot be written is asked for again.
    pub(super) fn put(&self, name: &Name, text: &str) {
        let sql = "INSERT OR REPLACE INTO replies (name, text) VALUES (?1, ?2)";
        let _ = self.connection.execute(sql, params![name.as_slice(), text]);
        let sql = "DELETE FROM replies WHERE number <= (SELECT max(number) FROM replies) - ?1";
        let _ = self.connection.execute(sql, [self.kept]);
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(WAIT)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != VERSION {
        transaction.execute_batch(
            "DROP TABLE IF EXISTS replies;
             CREATE TABLE replies (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, text TEXT NOT NULL);",
        )?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(connection)
}

fn is_unreadable(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_do_not_run_together() {
        assert_ne!(name(&["ab", "c"]), name(&["a", "bc"]));
        assert_ne!(name(&["a"]), name(&["a", ""]));
        assert_eq!(name(&["a", "b"]), name(&["a", "b"]));
    }

    #[test]
    fn replies_are_kept_and_the_oldest_go() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(directory.path()).unwrap();
        cache.kept = 3;
        for number in 0..5 {
            cache.put(&name(&[&number.to_string()]), &format!("reply {number}"));
        }
        let again = Cache::open(directory.path()).unwrap();
        let found: Vec<_> = (0..5).map(|number: i32| again.get(&name(&[&number.to_string()]))).collect();
        assert_eq!(found[..2], [None, None]);
        assert_eq!(found[4].as_deref(), Some("reply 4"));
        again.put(&name(&["4"]), "another");
        assert_eq!(again.get(&name(&["4"])).as_deref(), Some("another"));
    }

    #[test]
    fn an_unreadable_file_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("judge.db"), "no database ".repeat(1000)).unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        cache.put(&name(&["a"]), "b");
        assert_eq!(cache.get(&name(&["a"])).as_deref(), Some("b"));
        let file = directory.path().join("judge.db");
        assert!(Cache::open(&file).is_err());
    }
}
