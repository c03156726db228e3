//! The computations, one file a subject. Each states its criteria beside the numbers; none knows an outcome beforehand.

mod adapters;
mod alpha;
mod choosing;
mod counts;
mod dora;
mod files;
mod four_bits;
mod galore;
mod latency;
mod low_rank;
mod memory;
mod merging;
mod prompts;
mod qlora;
mod rank;
mod serving;
mod start;
mod subspace;
mod targets;
mod vectors;

use super::{Bench, Evidence};
use crate::demos::Error;

/// A computation by name.
pub type Computation = (&'static str, fn(&Bench) -> Result<Evidence, Error>);

/// All computations.
pub fn all() -> impl Iterator<Item = &'static Computation> {
    [
        memory::ALL,
        counts::ALL,
        targets::ALL,
        start::ALL,
        alpha::ALL,
        low_rank::ALL,
        subspace::ALL,
        rank::ALL,
        four_bits::ALL,
        qlora::ALL,
        adapters::ALL,
        latency::ALL,
        prompts::ALL,
        vectors::ALL,
        dora::ALL,
        galore::ALL,
        files::ALL,
        merging::ALL,
        serving::ALL,
        choosing::ALL,
    ]
    .into_iter()
    .flatten()
}

/// Runs the computation called `name`.
///
/// # Errors
/// There is none, or it failed.
pub fn run(name: &str, bench: &Bench) -> Result<Evidence, Error> {
    match all().find(|(known, _)| *known == name) {
        Some((_, computation)) => computation(bench),
        None => Err(Error::Other(format!("no computation is called `{name}`"))),
    }
}
