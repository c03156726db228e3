//! What turns a method and a base into an adapter: skills to learn, batches, the loop, and the exam.

mod batch;
mod exam;
mod fit;
mod fresh;
pub mod skills;

pub use batch::Batch;
pub use exam::{answer, exact_match};
pub use fit::{Plan, Step, fit, fit_with, loss};
pub use fresh::fresh;
pub use skills::Skill;
