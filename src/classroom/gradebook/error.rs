//! What can go wrong with a gradebook.

use std::path::PathBuf;

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

pub(super) type Result<T> = std::result::Result<T, GradebookError>;
