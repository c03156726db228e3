//! Grading a folder of submissions.
//!
//! ```text
//! chapter   the course's notebooks            →  exercises and tests
//! intake    a folder, zip or notebook          →  sources by exercise
//! scan      a source                           →  a reason not to run it
//! compile   sources, then the course's tests   →  one test program (in the sandbox)
//! trial     the program, one exercise          →  a sealed record (in the sandbox)  →  a verdict
//! gradebook a student, whole                   →  SQLite
//! similar   fingerprints                       →  pairs
//! ```
//!
//! A student whose files, tests and limits are as they were is not graded again, so a run that was killed goes on where it was.

mod chapter;
mod compile;
pub mod export;
mod feedback;
mod intake;
mod item;
mod notebook;
mod owner;
mod plan;
mod scan;
mod similar;
mod student;
mod tokens;
mod trial;
mod workshop;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use sha2::{Digest as _, Sha256};

use super::gradebook::{Gradebook, GradebookError, Graded};
use plan::{Plan, plan};

pub use chapter::Chapter;
pub use intake::{Handed, collect};
pub use similar::{pairs, prints};
pub use workshop::Workshop;

/// Why grading stops.
#[derive(Debug, thiserror::Error)]
pub enum GradeError {
    /// There is no course.
    #[error("{0}: no course there (no course.yaml); name it with --course DIR, `drills` in a checkout of deltaw")]
    NoCourse(PathBuf),
    /// The course cannot be used.
    #[error("{0}: {1}")]
    Course(PathBuf, String),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// A tool that grading needs does not work.
    #[error("{0}")]
    Tool(String),
    /// The gradebook cannot be used.
    #[error(transparent)]
    Gradebook(#[from] GradebookError),
}

impl GradeError {
    fn at(path: &Path, error: io::Error) -> Self {
        Self::File(path.to_owned(), error)
    }
}

/// What to grade, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// One folder, zip or notebook for each student.
    pub submissions: PathBuf,
    /// Where feedback goes, a Markdown file for each student; none for none.
    pub feedback: Option<PathBuf>,
    /// Students at a time.
    pub jobs: usize,
    /// Of so many shards, the one of this index, from 0: `(index, shards)`.
    pub shard: (usize, usize),
    /// Whether code that reaches outside itself is given nothing without being run.
    pub strict: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Students in the gradebook.
    pub students: usize,
    /// Those graded now.
    pub graded: usize,
    /// Exercises of chapters that could not be graded, and why.
    pub left_out: BTreeMap<String, String>,
}

/// Grades what is new or changed, into `book`. `told` hears how many of how many are done, and who was last.
///
/// # Errors
/// See [`GradeError`]. Nothing that a submission does is an error.
pub fn grade(
    workshop: &Workshop,
    options: &Options,
    book: &mut Gradebook,
    mut told: impl FnMut(usize, usize, &str),
) -> Result<Summary, GradeError> {
    let exercises = workshop.exercises();
    let all = collect(&options.submissions, &exercises, &workshop.chapters)
        .map_err(|error| GradeError::at(&options.submissions, error))?;
    let (index, shards) = options.shard;
    let mine: Vec<Handed> =
        all.into_iter().enumerate().filter(|(place, _)| place % shards == index).map(|(_, handed)| handed).collect();
    if let Some(folder) = &options.feedback {
        fs::create_dir_all(folder).map_err(|error| GradeError::at(folder, error))?;
    }
    book.set_meta("course", &workshop.course.title)?;
    book.set_meta("course_hash", &workshop.hash)?;
    let present: BTreeSet<&str> = mine.iter().map(|handed| handed.student.as_str()).collect();
    for student in book.students()?.iter().filter(|student| !present.contains(student.id.as_str())) {
        book.remove(&student.id)?;
    }
    let mut waiting = Vec::new();
    for handed in mine.iter().rev() {
        let hash = hash(workshop, handed, options.strict);
        if book.hash(&handed.student)?.as_ref() != Some(&hash) {
            waiting.push((handed, hash));
        }
    }
    let (students, graded) = (mine.len(), waiting.len());
    let mut left_out = BTreeMap::new();
    if graded > 0 {
        let plan = plan(workshop)?;
        let kept = workshop.course.exercises.iter().filter(|exercise| plan.tests.contains_key(&exercise.id));
        book.set_meta("exercises", &serde_json::to_string(&kept.collect::<Vec<_>>()).unwrap_or_default())?;
        told(students - graded, students, "");
        let mut done = students - graded;
        run(workshop, options, &plan, waiting, |handed, one| {
            book.record(&one)?;
            if let Some(folder) = &options.feedback {
                feedback::write(folder, workshop, handed, &one)?;
            }
            done += 1;
            told(done, students, &one.student.id);
            Ok(())
        })?;
        left_out = plan.left_out;
    }
    let similar = pairs(&book.prints()?);
    book.set_similar(&similar)?;
    Ok(Summary { students, graded, left_out })
}

fn run(
    workshop: &Workshop,
    options: &Options,
    plan: &Plan,
    waiting: Vec<(&Handed, String)>,
    mut keep: impl FnMut(&Handed, Graded) -> Result<(), GradeError>,
) -> Result<(), GradeError> {
    let queue = Mutex::new(waiting);
    let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for worker in 0..options.jobs.max(1) {
            let (send, take) = (send.clone(), &take);
            scope.spawn(move || {
                let folder = workshop.work.join(format!("student{worker}"));
                while let Some((handed, hash)) = take() {
                    let graded = student::one(workshop, options, plan, &folder, handed, hash);
                    let _ = fs::remove_dir_all(&folder);
                    if send.send((handed, graded)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        for (handed, graded) in receive {
            if let Err(error) = graded.and_then(|graded| keep(handed, graded)) {
                queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                return Err(error);
            }
        }
        Ok(())
    })
}

fn hash(workshop: &Workshop, handed: &Handed, strict: bool) -> String {
    let text = format!("{} {strict} {:?} {:?} {:?}", workshop.hash, handed.sources, handed.refused, handed.aside);
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
