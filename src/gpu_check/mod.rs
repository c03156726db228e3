//! The check of a GPU: is everything right there, and how fast is it. One command, one record.
//!
//! | file | what it does |
//! |---|---|
//! | `right.rs` | golden cases of other libraries and the demos, on the device |
//! | `kernels.rs` | the kernels over random shapes and types, against their twins on the CPU |
//! | `sanitizer.rs` | the kernels again under compute-sanitizer, where it is installed |
//! | `ceilings.rs` | what the device can: copies a second, products a second |
//! | `four_bit.rs` | NF4 at a LLaMA's shapes, as a share of the copies |
//! | `adapters.rs` | a mixed batch of adapters against the base alone and against a loop |
//! | `training.rs` | steps of LoRA and QLoRA, with the most memory in use |
//! | `record.rs`, `page.rs` | what is written down, for programs and for readers |
//!
//! On a CPU the same code runs with small shapes: that tests the check, and says nothing about a GPU.

mod adapters;
mod ceilings;
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
mod training;

use std::{path::PathBuf, str::FromStr, time::Instant};

use candle_core::{Device, Result};

pub use machine::Machine;
pub use record::{Check, Figure, Goal, Record, Spread};

use crate::arena::Meter;

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
    pub const ALL: [Self; 5] = [Self::Parity, Self::Kernels, Self::Demos, Self::Sanitizer, Self::Bench];

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
}

/// What a part adds to the record.
#[derive(Debug, Default)]
struct Found {
    checks: Vec<Check>,
    figures: Vec<Figure>,
    notes: Vec<String>,
}

/// Runs the parts of `plan`; `watch` is told what begins, `meter` reads the program's allocator.
///
/// # Errors
/// The device stops answering. What is merely wrong stands in the record as a check that failed.
pub fn run(plan: &Plan, meter: Meter, watch: &mut dyn FnMut(&str)) -> Result<Record> {
    let clock = Instant::now();
    let mut found = Found::default();
    for part in &plan.parts {
        watch(part.name());
        match part {
            Part::Parity => right::parity(plan, &mut found)?,
            Part::Kernels => kernels::run(plan, &mut found)?,
            Part::Demos => right::demos(plan, &mut found),
            Part::Sanitizer => sanitizer::run(plan, &mut found),
            Part::Bench => bench(plan, meter, watch, &mut found)?,
        }
    }
    let Found { checks, figures, notes } = found;
    Ok(Record {
        machine: Machine::of(&plan.device, plan.index),
        commit: plan.commit.clone(),
        date: machine::today(),
        small: plan.small,
        seconds: clock.elapsed().as_secs_f64(),
        checks,
        figures,
        notes,
    })
}

fn bench(plan: &Plan, meter: Meter, watch: &mut dyn FnMut(&str), found: &mut Found) -> Result<()> {
    let bandwidth = ceilings::run(plan, found)?;
    watch("bench: four bits");
    four_bit::run(plan, bandwidth, found)?;
    watch("bench: adapters");
    adapters::run(plan, found)?;
    watch("bench: training");
    training::run(plan, meter, found)
}
