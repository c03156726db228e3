//! All methods on one base and one task at an equal budget.
//!
//! ```text
//! for each method:  its size (fixed, or fitted to an equal number of trained parameters)
//!                   a sweep of learning rates around its usual one, on examples that are neither trained on nor reported
//!                   several seeds at the best rate, judged on the held-out examples
//! then, one method at a time:
//!                   a few measured steps: peak memory, bytes of optimiser state, seconds by the clock and of the processor
//! ```
//!
//! Every method is swept for itself, and the sweep goes on while the best rate is at its edge: none is judged at another's optimum.

mod budget;
mod entry;
mod fused;
mod measure;
mod processor;
mod report;
mod workers;

use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};

pub use budget::fitted;
pub use entry::{Cost, Entry, Swept, Trial};
pub use report::{Figures, figures, markdown};

use crate::{
    model::Base,
    train::{Data, Kind, Settings},
};

/// Reads an allocator that counts.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    /// Bytes alive.
    pub live: fn() -> usize,
    /// The most bytes alive since the last reset.
    pub peak: fn() -> usize,
    /// Starts a new peak at what is alive.
    pub reset: fn(),
}

/// What is equal for all methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// The number of steps; sizes are each method's usual ones.
    Steps,
    /// The number of steps, and as nearly as the method's size allows the number of trained parameters.
    Parameters,
}

/// A contest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    /// Spec of the base.
    pub base: String,
    /// Name of the task.
    pub task: String,
    /// Who takes part.
    pub methods: Vec<Kind>,
    /// What is equal.
    pub budget: Budget,
    /// Trained parameters, where they are to be equal.
    pub parameters: usize,
    /// Seeds at the best learning rate.
    pub seeds: u64,
    /// Learning rates of the sweep before it goes on at an edge.
    pub rates: usize,
    /// Factor between neighbouring rates.
    pub factor: f64,
    /// Examples kept out of training to choose the learning rate by.
    pub validation: usize,
    /// Methods side by side, each on one thread; one method at a time on all threads where absent.
    pub parallel: Option<usize>,
    /// How often each method's steps are measured, in turn with the others'.
    pub rounds: usize,
    /// Steps, batch and all else.
    pub settings: Settings,
}

/// A contest's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// What was run.
    pub contest: Contest,
    /// Parameters of the base.
    pub base_parameters: usize,
    /// The base on the held-out examples.
    pub base_held: crate::train::Held,
    /// One per method.
    pub entries: Vec<Entry>,
    /// Seconds of it all.
    pub seconds: f64,
    /// Of these, seconds until all runs were done, without the measured steps.
    pub run_seconds: f64,
    /// Seconds of the processor, all threads together, where the system tells.
    pub processor_seconds: Option<f64>,
}

/// What is said while it runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A method begins.
    Begins(Kind),
    /// A run of this method is done, at this learning rate, with this seed and loss (absent if it diverged).
    Trial(Kind, f64, u64, Option<f64>),
    /// A method's runs are done.
    Done(Kind),
    /// The steps of this method are measured.
    Measured(Kind),
}

/// Runs a contest. `open` opens the base anew (a memory pass begins without it); without a meter no peak memory is reported.
///
/// # Errors
/// The base or a method cannot be used, or `watch` ends it.
pub fn contest(
    contest: &Contest,
    data: &Data,
    open: &(dyn Fn() -> Result<Base> + Sync),
    meter: Option<Meter>,
    watch: &mut (dyn FnMut(Event) -> Result<()> + Send),
) -> Result<Results> {
    contest.settings.check()?;
    if contest.seeds == 0 || contest.rates == 0 || contest.rates > 9 || contest.rounds == 0 {
        bail!("a contest needs at least one seed and one round of measured steps, and from 1 to 9 learning rates");
    }
    if data.train.len() <= contest.validation {
        bail!("{} examples leave none to train on beside {} for validation", data.train.len(), contest.validation);
    }
    let (clock, spent) = (std::time::Instant::now(), processor::seconds());
    let (train, validation) = data.train.split_at(data.train.len() - contest.validation);
    let parts = entry::Parts {
        train: Data { train: train.to_vec(), held: Vec::new(), pad: data.pad },
        validation: validation.to_vec(),
        held: data.held.clone(),
    };
    let workers = workers::Workers::new(contest.parallel)?;
    let (base_parameters, base_held) = workers.alone(|| {
        let base = open()?.model;
        let held = crate::train::evaluate(&base, &crate::model::Shut, &data.held, data.pad)?;
        Ok::<_, candle_core::Error>((base.parameter_count(), held))
    })?;
    let one = |kind: Kind, say: &dyn Fn(Event) -> Result<()>| entry::compete(contest, kind, &parts, open, say);
    let mut entries = workers.all(&contest.methods, &one, watch)?;
    let run_seconds = clock.elapsed().as_secs_f64();
    workers.alone(|| measure::all(contest, &mut entries, &parts.train, open, meter, watch))?;
    Ok(Results {
        contest: contest.clone(),
        base_parameters,
        base_held,
        entries,
        seconds: clock.elapsed().as_secs_f64(),
        run_seconds,
        processor_seconds: processor::seconds().zip(spent).map(|(now, before)| now - before),
    })
}
