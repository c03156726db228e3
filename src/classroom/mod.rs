//! The classroom: exercises in Rust, and tests that tell a student what is wrong.
//!
//! An exercise is a folder under `drills/exercises`; `drills/README.md` describes its files for authors. Its tests call this module:
//!
//! ```
//! use deltaw::classroom::Suite;
//!
//! fn lora_params(d_out: usize, d_in: usize, rank: usize) -> usize {
//!     rank * (d_out + d_in) // in an exercise this is the student's: `use super::answer::lora_params;`
//! }
//!
//! pub fn register(suite: &mut Suite) {
//!     suite.case("a square layer", 2, |case| {
//!         case.exact("4096 x 4096 at r = 8", lora_params(4096, 4096, 8), 65_536)
//!             .mistake("only A is counted; B has d_out·r numbers too", 32_768);
//!         Ok(())
//!     });
//! }
//!
//! let mut passed = true;
//! Suite::of(&[("public", register)]).run(|result| Ok::<(), ()>(passed &= result.passed)).unwrap();
//! assert!(passed);
//! ```
//!
//! # For runners: how a test program is driven
//!
//! A test program is a `main` in whose crate the student's file is a module beside the tests:
//!
//! ```text
//! #![forbid(unsafe_code)]
//! #[path = "…/tests.rs"]  mod tests;      // before `answer`: macros of the student's file must not reach the tests
//! #[path = "…/hidden.rs"] mod hidden;     // when grading
//! #[allow(unused, clippy::todo)]
//! #[path = "…/05_dora_norm.rs"] mod answer;
//! fn main() -> std::process::ExitCode {
//!     deltaw::classroom::main("05_dora_norm", &[("public", tests::register), ("hidden", hidden::register)])
//! }
//! ```
//!
//! The runner makes an [`Order`] (a fresh nonce, where the record goes, which tests), sets [`ORDERED`](harness::ORDERED) in the program's
//! environment, writes [`Order::line`] to its standard input and closes it. The program opens the record, then runs the tests one by one and
//! writes a sealed line for each ([`record`]). Afterwards [`record::read`] with the same nonce gives the [`Record`].
//!
//! - No complete record, no points: [`Record::earned`] is 0 without the end line. So `process::exit(0)`, an abort, a kill at a time limit or
//!   printing "test result: ok" earn nothing. [`Record::results`] still has the tests that ended before.
//! - A line without its right seal makes [`record::read`] fail: whoever writes a record must know the nonce. It is on standard input once, read
//!   before the student's code can run, and in no file, argument or environment.
//! - The student's code and the tests share a process. `#![forbid(unsafe_code)]` and a sandbox without `/proc` keep its memory from honest Rust,
//!   not from a hole in the compiler: safe code can still stretch a lifetime and so read and write any memory (rust-lang/rust#25860, open in
//!   1.95). Whoever does that can decide their own points, and no seal helps, since the tests are in reach as well. `deltaw class grade` refuses
//!   the known form of it; what else there is, a teacher sees by reading a submission that earns much and looks like nothing of the kind.
//! - Panics and errors of the student's code are results of the test in which they happen; the next test runs.
//! - What the student's code prints goes to the program's standard output and error, and means nothing.
//!
//! `deltaw class grade` goes further: there the student's files are a library of their own, compiled where no test can be read, and `answer` is
//! that library. So neither `include_str!` nor a path through the crate reaches the tests.
//!
//! With features `default-features = false` all of this is there; the course itself and the commands need `cli`.

#[cfg(feature = "cli")]
pub mod attempt;
mod case;
pub mod course;
mod diagnosis;
mod fault;
#[cfg(feature = "cli")]
pub mod grade;
#[cfg(feature = "cli")]
pub mod gradebook;
#[cfg(feature = "cli")]
pub mod handout;
pub mod harness;
mod measure;
mod plain;
#[cfg(feature = "cli")]
pub mod progress;
pub mod record;
#[cfg(feature = "cli")]
pub mod report;
#[cfg(feature = "cli")]
pub mod sandbox;
mod seal;
mod suite;
#[cfg(feature = "cli")]
pub mod workspace;

pub use case::{Case, Comparison};
pub use course::{Course, Exercise};
pub use diagnosis::{Diagnosis, Kind};
pub use harness::{Order, main};
pub use measure::{Measure, Measured, Numbers};
pub use plain::Plain;
pub use record::{Planned, Record, TestResult};
pub use seal::seal;
pub use suite::{Outcome, Register, Suite, attempt, quiet_panics};

#[cfg(test)]
mod tests;
