//! One exercise's tests, run on one student's code.

use std::{fs, path::Path};

use super::{GradeError, workshop::Workshop};
use crate::classroom::{
    Order, TestResult,
    gradebook::Status,
    harness::ORDERED,
    record::{self, Broken},
    sandbox::{End, Job, Limits, Ran},
};

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trial {
    pub(super) status: Status,
    pub(super) reason: String,
    /// Results that count. None unless the run came to its end.
    pub(super) results: Vec<TestResult>,
    /// All announced tests.
    pub(super) planned: Vec<crate::classroom::Planned>,
}

/// Runs the tests of `exercise` in `program`; temporary files go to `folder`.
pub(super) fn run(workshop: &Workshop, folder: &Path, program: &Path, exercise: &str) -> Result<Trial, GradeError> {
    let record = folder.join("record");
    fs::write(&record, "").map_err(|error| GradeError::at(&record, error))?;
    let order = Order::new(record.clone());
    let line = order.line().map_err(|error| GradeError::Tool(format!("{}: {error}", record.display())))?;
    let job = Job {
        command: vec![program.into(), exercise.into()],
        read: vec![program.into()],
        write: vec![record.clone()],
        hide: workshop.hidden.iter().cloned().chain([workshop.work.join("tests")]).collect(),
        environment: vec![(ORDERED, "1".into()), ("RAYON_NUM_THREADS", "2".into())],
        input: line.into_bytes(),
        errors: folder.join("errors"),
    };
    let limits = Limits::tests(workshop.seconds, workshop.memory);
    let ran = workshop
        .sandbox
        .run(&job, &limits)
        .map_err(|error| GradeError::Tool(format!("the sandbox does not start: {error}")))?;
    let bytes = fs::read(&record).map_err(|error| GradeError::at(&record, error))?;
    judge(&ran, record::read(&bytes, &order.nonce), exercise, workshop.seconds)
}

fn judge(ran: &Ran, record: Result<record::Record, Broken>, exercise: &str, seconds: u64) -> Result<Trial, GradeError> {
    let planned = record.as_ref().map(|record| record.planned.clone()).unwrap_or_default();
    let nothing = |status, reason: String| Ok(Trial { status, reason, results: Vec::new(), planned: planned.clone() });
    let after = match &record {
        Ok(record) if record.complete => "after its tests".to_owned(),
        Ok(record) => match record.planned.get(record.results.len()) {
            Some(test) => format!("in the test «{}»", test.test),
            None => "after its tests".to_owned(),
        },
        Err(_) => "before its tests".to_owned(),
    };
    if let Err(broken @ (Broken::Forged(_) | Broken::TooLong | Broken::Order(_))) = &record {
        return nothing(Status::Hostile, format!("the record of the tests was tampered with: {broken}"));
    }
    // How it ended comes next: a full record does not help a program that had to be stopped.
    match ran.end {
        End::Exited(0 | 1) => {}
        End::Exited(2) if matches!(record, Err(Broken::Empty)) => {
            return Err(GradeError::Tool(format!("{exercise}: the tests cannot run: {}", ran.errors.trim())));
        }
        End::Exited(code) => return nothing(Status::Hostile, format!("it ended itself with exit code {code} {after}")),
        End::Cpu => return nothing(Status::Timeout, format!("it computed for more than {seconds} s {after}")),
        End::Wall => {
            return nothing(Status::Timeout, format!("it did not come to an end in {} s {after}", 2 * seconds + 5));
        }
        End::Memory => {
            return nothing(Status::Memory, format!("it asked for more memory than there is for it {after}"));
        }
        End::Disk => return nothing(Status::Hostile, format!("it wrote more than the disk limit {after}")),
        End::Signal(_) if ran.errors.contains("overflowed its stack") => {
            return nothing(
                Status::Failed,
                format!("the stack overflowed {after}: a function calls itself without end"),
            );
        }
        // SIGSEGV: without /proc the runtime does not know where a stack ends, and says nothing.
        End::Signal(11) => {
            return nothing(
                Status::Failed,
                format!("it crashed {after}, most often because a function calls itself without end"),
            );
        }
        End::Signal(signal) => return nothing(Status::Failed, format!("it crashed (signal {signal}) {after}")),
    }
    match record {
        Err(_) => nothing(Status::Hostile, "it ended itself before its tests".into()),
        Ok(record) if !record.complete => {
            nothing(Status::Hostile, format!("it ended itself {after}: points need all tests to come to their end"))
        }
        Ok(record) if record.exercise != exercise => {
            nothing(Status::Hostile, "the record is of another exercise".into())
        }
        Ok(record) => {
            let first = record.results.iter().find(|result| !result.passed);
            let reason = first.map_or_else(String::new, |result| match &result.diagnosis {
                Some(diagnosis) => format!("«{}»: {}", result.test, diagnosis.text),
                None => format!("«{}»: {}", result.test, result.message),
            });
            let status = match record.earned() {
                _ if first.is_none() => Status::Ok,
                0 => Status::Failed,
                _ => Status::Partial,
            };
            Ok(Trial { status, reason, results: record.results, planned: record.planned })
        }
    }
}
