//! The drill: the question bank, the grader, the schedule, the record and the conversation.

pub mod bank;
pub mod grade;
pub mod verdict;
