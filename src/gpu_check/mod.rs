//! The check of a GPU: is everything right there, and how fast is it. One command, one record.
//!
//! | file | what it does |
//! |---|---|
//! | `right.rs` | golden cases of other libraries and the demos, on the device |
//! | `kernels.rs` | the kernels over random shapes and types, against their twins on the CPU |
//! | `sanitizer.rs` | the kernels again under compute-sanitizer, where it is installed |
//! | `ceilings.rs` | what the device can: copies a second, products a second |
//! | `four_bit.rs` | NF4 at a LLaMA's shapes, as a share of the copies |
//! | `adapters.rs`, `torch.rs` | a mixed batch of adapters against the base alone, against a loop, and against PyTorch |
//! | `training.rs` | steps of LoRA and QLoRA, with the most memory in use |
//! | `record.rs`, `page.rs` | what is written down, for programs and for readers |
//!
//! What fails or does not fit the device costs its own line of the record and nothing else. What would begin after the budget of minutes is left
//! out, and the record says so: first comes what is right, then what is fast.
//!
//! On a CPU the same code runs with small shapes: that tests the check, and says nothing about a GPU.

mod adapters;
mod ceilings;
mod child;
mod four_bit;
mod kernels;
mod machine;
mod memory;
mod page;
mod record;
mod right;
mod sanitizer;
mod shapes;
mod timing;
mod torch;
mod training;

use std::{
    path::PathBuf,
    str::FromStr,
    time::{Duration, Instant},
};

use candle_core::{Device, Result};

pub use machine::Machine;
pub use record::{Check, Figure, Goal, Record, Spread};

use crate::{arena::Meter, model::one_line};

/// A part of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Golden cases of other libraries, training traces among them.
    Parity,
    /// Kernels against their twins.
    Kernels,
    /// The demos.
    Demos,
    /// Kernels under compute-sanitizer.
    Sanitizer,
    /// Benchmarks.
    Bench,
}

impl Part {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 5] = [Self::Parity, Self::Kernels, Self::Bench, Self::Demos, Self::Sanitizer];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parity => "parity",
            Self::Kernels => "kernels",
            Self::Demos => "demos",
            Self::Sanitizer => "sanitizer",
            Self::Bench => "bench",
        }
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.into_iter().find(|part| part.name() == text);
        found.ok_or_else(|| format!("there is no part `{text}`: write {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where.
    pub device: Device,
    /// Its index among the machine's GPUs.
    pub index: usize,
    /// Which parts.
    pub parts: Vec<Part>,
    /// The golden cases.
    pub goldens: PathBuf,
    /// Small shapes and few rounds: for a CPU, and under a sanitizer.
    pub small: bool,
    /// Where the source stood when the program was built.
    pub commit: String,
    /// A Python that may have PyTorch.
    pub python: PathBuf,
    /// What has not begun by then is left out.
    pub budget: Duration,
}

#[cfg(test)]
impl Plan {
    fn small_on_cpu() -> Self {
        Self {
            device: Device::Cpu,
            index: 0,
            parts: Vec::new(),
            goldens: PathBuf::new(),
            small: true,
            commit: "none".to_owned(),
            python: "python3".into(),
            budget: Duration::from_secs(3600),
        }
    }
}

/// What is known so far.
#[derive(Debug)]
struct Found {
    checks: Vec<Check>,
    figures: Vec<Figure>,
    notes: Vec<String>,
    clock: Instant,
    budget: Duration,
}

impl Found {
    fn new(budget: Duration) -> Self {
        Self { checks: Vec::new(), figures: Vec::new(), notes: Vec::new(), clock: Instant::now(), budget }
    }

    /// Whether there is time for `what`; the record says what there was none for.
    fn has_time(&mut self, what: &str) -> bool {
        let left = self.left() > Duration::ZERO;
        if !left {
            self.notes.push(format!("{what}: no time was left"));
        }
        left
    }

    fn left(&self) -> Duration {
        self.budget.saturating_sub(self.clock.elapsed())
    }

    fn figure(&mut self, name: String, unit: &str, value: Spread, goal: Option<Goal>) {
        self.figures.push(Figure { name, unit: unit.to_owned(), value, goal });
    }

    /// Measures, if there is time; what fails is noted and costs nothing else.
    fn measure(&mut self, what: &str, of: impl FnOnce(&mut Self) -> Result<()>) {
        if self.has_time(what)
            && let Err(error) = of(self)
        {
            self.notes.push(format!("{what}: not measured: {}", one_line(&error)));
        }
    }
}

/// Runs the parts of `plan`; `watch` is told what begins, `meter` reads the program's allocator.
///
/// # Errors
/// The device stops answering, or there are no golden cases. What is merely wrong stands in the record as a check that failed.
pub fn run(plan: &Plan, meter: Meter, watch: &mut dyn FnMut(&str)) -> Result<Record> {
    let mut found = Found::new(plan.budget);
    for part in &plan.parts {
        if !found.has_time(part.name()) {
            continue;
        }
        watch(part.name());
        match part {
            Part::Parity => right::parity(plan, &mut found)?,
            Part::Kernels => kernels::run(plan, &mut found),
            Part::Bench => bench(plan, meter, watch, &mut found),
            Part::Demos => right::demos(plan, &mut found),
            Part::Sanitizer => sanitizer::run(plan, &mut found),
        }
    }
    Ok(Record {
        machine: Machine::of(&plan.device, plan.index),
        commit: plan.commit.clone(),
        date: machine::today(),
        small: plan.small,
        seconds: found.clock.elapsed().as_secs_f64(),
        checks: found.checks,
        figures: found.figures,
        notes: found.notes,
    })
}

fn bench(plan: &Plan, meter: Meter, watch: &mut dyn FnMut(&str), found: &mut Found) {
    let bandwidth = ceilings::run(plan, found);
    watch("bench: four bits");
    match bandwidth {
        Some(bandwidth) => four_bit::run(plan, bandwidth, found),
        None => found.notes.push("four bits: not measured: the rate of copies is not known".to_owned()),
    }
    watch("bench: adapters");
    adapters::run(plan, found);
    watch("bench: training");
    training::run(plan, meter, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_time_or_fails_is_one_note_and_costs_nothing_else() {
        let mut found = Found::new(Duration::from_secs(3600));
        found.measure("rates", |found| {
            found.figure("rate".to_owned(), "of 1", Spread::of(vec![0.5]), None);
            Ok(())
        });
        found.measure("shapes", |_| candle_core::bail!("out of memory"));
        found.budget = Duration::ZERO;
        found.measure("steps", |_| candle_core::bail!("must not run"));
        assert_eq!(found.figures.len(), 1);
        assert_eq!(found.notes, ["shapes: not measured: out of memory", "steps: no time was left"]);
    }
}
