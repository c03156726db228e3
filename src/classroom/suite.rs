//! The tests of an exercise, and their run.

use std::{
    any::Any,
    cell::RefCell,
    error::Error,
    panic::{self, AssertUnwindSafe},
    time::Instant,
};

use super::{Case, Planned, TestResult, fault};

/// How a test's body ends: `?` passes on any error of the student's code.
pub type Outcome = Result<(), Box<dyn Error>>;

type Body = Box<dyn FnOnce(&mut Case) -> Outcome>;

/// Adds an exercise's tests to a suite.
pub type Register = fn(&mut Suite);

thread_local! {
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The tests of an exercise.
#[derive(Default)]
pub struct Suite {
    part: &'static str,
    cases: Vec<(Planned, Body)>,
}

impl Suite {
    /// The tests of the parts, each with its name: `public`, `hidden`.
    #[must_use]
    pub fn of(parts: &[(&'static str, Register)]) -> Self {
        let mut suite = Self::default();
        for (part, register) in parts {
            suite.part = part;
            register(&mut suite);
        }
        suite
    }

    /// Adds a test, worth `points` if all its comparisons hold and nothing otherwise.
    pub fn case(&mut self, test: &str, points: u32, body: impl FnOnce(&mut Case) -> Outcome + 'static) {
        let planned = Planned { part: self.part.to_owned(), test: test.to_owned(), points };
        self.cases.push((planned, Box::new(body)));
    }

    /// What there is to run.
    #[must_use]
    pub fn planned(&self) -> Vec<Planned> {
        self.cases.iter().map(|(planned, _)| planned.clone()).collect()
    }

    /// Leaves only the tests of these names; all if there are none.
    pub fn keep(&mut self, only: &[String]) {
        self.cases.retain(|(planned, _)| only.is_empty() || only.contains(&planned.test));
    }

    /// Runs them in order, one after the other; `told` hears each result as it comes.
    ///
    /// # Errors
    /// Only what `told` returns.
    pub fn run<E>(self, mut told: impl FnMut(TestResult) -> Result<(), E>) -> Result<(), E> {
        self.cases.into_iter().try_for_each(|(planned, body)| told(run_one(planned, body)))
    }
}

/// Runs one test outside of any suite, as a notebook does with what its reader wrote. Panics are results here too; the process's own panic
/// hook is back in place afterwards.
#[must_use]
pub fn attempt(test: &str, body: impl FnOnce(&mut Case) -> Outcome) -> TestResult {
    let hook = panic::take_hook();
    quiet_panics();
    let result = run_one(Planned { part: String::new(), test: test.to_owned(), points: 1 }, body);
    panic::set_hook(hook);
    result
}

/// Panics in tests are reported as results: the hook only notes where they were. For the whole process.
pub fn quiet_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| {
            // A workspace's test program names the student's file by way of its own folder.
            format!("{}:{}", place.file().trim_start_matches("targets/../"), place.line())
        });
        PANICKED_AT.with(|at| *at.borrow_mut() = place);
    }));
}

fn run_one(planned: Planned, body: impl FnOnce(&mut Case) -> Outcome) -> TestResult {
    let mut case = Case::default();
    let start = Instant::now();
    PANICKED_AT.with(|at| *at.borrow_mut() = None);
    // A case that panicked is only read for what it noted before.
    match panic::catch_unwind(AssertUnwindSafe(|| body(&mut case))) {
        Ok(Ok(())) if case.compared == 0 => {
            case.fail("the exercise is at fault: this test compares nothing".to_owned(), None)
        }
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let diagnosis = fault::of_error(error.as_ref());
            case.fail(fault::line(error.as_ref()), Some(diagnosis));
        }
        Err(payload) => {
            let place = PANICKED_AT.with(|at| at.borrow_mut().take());
            let text = words(payload.as_ref());
            case.fail(crate::model::one_line(&text), Some(fault::of_panic(text, place.as_deref())));
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let Planned { part, test, points } = planned;
    let (passed, (message, diagnosis)) = match case.failure {
        None => (true, Default::default()),
        Some(failure) => (false, (failure.message, failure.diagnosis)),
    };
    TestResult { part, test, points, earned: if passed { points } else { 0 }, passed, message, diagnosis, seconds }
}

fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
