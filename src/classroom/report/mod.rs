//! The teacher's page: who is stuck where, what is hardest and why, how scores and time are spread, who wrote alike, who cheated.
//!
//! [`Class`] is what the page shows, free of where it comes from: a gradebook ([`gradebook::class`]) or learners' exported progress.

mod class;
pub mod gradebook;
mod page;

pub use class::{Alike, Caught, Cell, Class, Hard, Learner};
pub use page::html;
