//! The drill: the bank of questions, the grader, the schedule and the record.

pub mod bank;
pub mod cards;
pub mod evaluate;
pub mod grade;
#[cfg(feature = "cli")]
pub mod judge;
pub mod lint;
#[cfg(feature = "cli")]
pub mod schedule;
#[cfg(feature = "cli")]
pub mod scorecard;
#[cfg(feature = "cli")]
pub mod session;
pub mod shown;
#[cfg(feature = "cli")]
pub mod store;
pub mod verdict;
