//! Grading a folder of submissions.
//!
//! ```text
//! intake    a folder, zip or notebook          →  sources by exercise
//! scan      a source                           →  a reason not to run it
//! compile   sources, then the course's tests   →  one test program (in the sandbox)
//! trial     the program, one exercise          →  a sealed record (in the sandbox)  →  a verdict
//! gradebook a student, whole                   →  SQLite
//! similar   fingerprints                       →  pairs
//! ```
//!
//! A student whose files, tests and limits are as they were is not graded again, so a run that was killed goes on where it was.

mod compile;
pub mod export;
mod feedback;
mod intake;
mod notebook;
mod scan;
mod similar;
mod tokens;
mod trial;
mod workshop;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use sha2::{Digest as _, Sha256};

use super::{
    Planned,
    gradebook::{Gradebook, GradebookError, Graded, Scored, Status, Student, Submission, Verdict},
};

pub use intake::{Handed, collect};
pub use similar::{pairs, prints};
pub use workshop::Workshop;

/// Characters of a message that the gradebook keeps.
const SHOWN: usize = 600;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Students in the gradebook.
    pub students: usize,
    /// Those graded now.
    pub graded: usize,
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
    let all = collect(&options.submissions, &exercises).map_err(|error| GradeError::at(&options.submissions, error))?;
    let (index, shards) = options.shard;
    let mine: Vec<Handed> =
        all.into_iter().enumerate().filter(|(place, _)| place % shards == index).map(|(_, handed)| handed).collect();
    if let Some(folder) = &options.feedback {
        fs::create_dir_all(folder).map_err(|error| GradeError::at(folder, error))?;
    }
    book.set_meta("course", &workshop.course.title)?;
    book.set_meta("course_hash", &workshop.hash)?;
    book.set_meta("exercises", &serde_json::to_string(&workshop.course.exercises).unwrap_or_default())?;
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
    if graded > 0 {
        let plan = plan(workshop)?;
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
    }
    let similar = pairs(&book.prints()?);
    book.set_similar(&similar)?;
    Ok(Summary { students, graded })
}

type Plan = BTreeMap<String, Vec<Planned>>;

/// The tests of each exercise, learnt by running them on the files as they were handed out.
fn plan(workshop: &Workshop) -> Result<Plan, GradeError> {
    let folder = workshop.work.join("template");
    let compiled = compile::compile(workshop, &folder, &workshop.templates)?;
    if let Some((id, (_, why))) = compiled.broken.iter().next() {
        return Err(GradeError::Course(
            workshop.folder.clone(),
            format!("{id} does not compile as it is handed out: {why}"),
        ));
    }
    let Some(program) = compiled.program else {
        return Err(GradeError::Course(workshop.folder.clone(), "it has no exercise".into()));
    };
    let tests = |id: &String| {
        let trial = trial::run(workshop, &folder, &program, id)?;
        if trial.planned.is_empty() {
            return Err(GradeError::Course(
                workshop.folder.clone(),
                format!("{id}: its tests do not run: {}", trial.reason),
            ));
        }
        Ok((id.clone(), trial.planned))
    };
    workshop.templates.keys().map(tests).collect()
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
                    let graded = one(workshop, options, plan, &folder, handed, hash);
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

fn one(
    workshop: &Workshop,
    options: &Options,
    plan: &Plan,
    folder: &Path,
    handed: &Handed,
    hash: String,
) -> Result<Graded, GradeError> {
    let start = Instant::now();
    let (mut sources, mut verdicts) = (BTreeMap::new(), BTreeMap::new());
    for (id, template) in &workshop.templates {
        let verdict = match (handed.refused.get(id), handed.sources.get(id)) {
            (Some(why), _) => (Status::Hostile, why.clone()),
            (None, None) => (Status::Missing, "nothing was handed in".to_owned()),
            (None, Some(source)) if source.trim() == template.trim() => {
                (Status::Missing, "it is as it was handed out".to_owned())
            }
            (None, Some(source)) => match scan::reason(source).filter(|_| options.strict) {
                Some(why) => (Status::Hostile, why),
                None => {
                    sources.insert(id.clone(), source.clone());
                    continue;
                }
            },
        };
        verdicts.insert(id.clone(), verdict);
    }
    let compiled = compile::compile(workshop, folder, &sources)?;
    verdicts.extend(compiled.broken);
    let mut results = BTreeMap::new();
    if let Some(program) = &compiled.program {
        for id in &compiled.whole {
            let trial = trial::run(workshop, folder, program, id)?;
            let mut reason = trial.reason;
            // What the code reaches for says better why it did not come to its end.
            if let (Status::Hostile | Status::Failed, Some(why)) = (trial.status, scan::reason(&sources[id])) {
                reason = format!("{reason} ({why})");
            }
            verdicts.insert(id.clone(), (trial.status, reason));
            results.insert(id.clone(), trial.results);
        }
    }
    let student = &handed.student;
    let scored =
        plan.iter().flat_map(|(id, tests)| rows(student, id, tests, results.get(id).map_or(&[], Vec::as_slice)));
    let verdict = |(exercise, (status, reason)): (String, (Status, String))| Verdict {
        student: student.clone(),
        exercise,
        status,
        reason: short(&reason),
    };
    let prints = handed
        .sources
        .iter()
        .map(|(id, source)| (id.clone(), prints(source, workshop.templates.get(id).map_or("", String::as_str))));
    Ok(Graded {
        student: Student { id: student.clone(), name: student.clone() },
        submission: Submission {
            student: student.clone(),
            hash,
            graded_at: now(),
            seconds: start.elapsed().as_secs_f64(),
        },
        results: scored.collect(),
        verdicts: verdicts.into_iter().map(verdict).collect(),
        prints: prints.collect(),
    })
}

/// A row for each test of an exercise: as it went, or nothing earned where the run does not count.
fn rows(student: &str, exercise: &str, tests: &[Planned], results: &[super::TestResult]) -> Vec<Scored> {
    let row = |planned: &Planned| {
        let mut row = Scored {
            student: student.to_owned(),
            exercise: exercise.to_owned(),
            test: format!("{}: {}", planned.part, planned.test),
            points: planned.points,
            earned: 0,
            message: String::new(),
            diagnosis: String::new(),
            seconds: 0.0,
        };
        if let Some(result) = results.iter().find(|result| result.part == planned.part && result.test == planned.test) {
            row.earned = result.earned.min(planned.points);
            row.message = short(&result.message);
            row.diagnosis = result.diagnosis.as_ref().map_or_else(String::new, |diagnosis| short(&diagnosis.text));
            row.seconds = result.seconds;
        }
        row
    };
    tests.iter().map(row).collect()
}

fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

fn hash(workshop: &Workshop, handed: &Handed, strict: bool) -> String {
    let text = format!("{} {strict} {:?} {:?} {:?}", workshop.hash, handed.sources, handed.refused, handed.aside);
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
