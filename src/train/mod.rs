//! What turns a method and a base into an adapter: data, steps, runs, evaluation; skills to learn and the exam.
//!
//! ```text
//! data::Record → data::encode → Example → Batch → Stepper (gradients, clipping, optimiser) → run (schedule, evaluation, checkpoints)
//! Recipe (a method by name) + base → Trainee
//! ```

mod batch;
pub mod card;
pub mod data;
mod evaluate;
mod exam;
mod example;
mod fingerprint;
mod fit;
mod fresh;
pub mod job;
pub mod recipe;
mod recompute;
pub mod run;
mod schedule;
pub mod skills;
mod step;
pub mod tasks;

pub use batch::Batch;
pub use evaluate::{Held, evaluate};
pub use exam::{answer, exact_match};
pub use example::Example;
pub use fit::{Plan, Step, fit, fit_with, loss};
pub use fresh::fresh;
pub use job::Job;
pub use recipe::{Kind, Recipe, Trainee};
pub use run::{Data, Metric, Outcome, Settings, run};
pub use schedule::{Schedule, Shape};
pub use skills::Skill;
pub use step::{Stepper, Taken};
pub use tasks::Task;
