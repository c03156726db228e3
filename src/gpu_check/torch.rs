//! The low-rank half of a mixed batch by PyTorch, where a Python has it.

use std::{process::Command, time::Duration};

use serde::Deserialize;

use super::{Plan, Spread, child};

const SCRIPT: &str = include_str!("../../benches/peers/grouped.py");

/// The longest that it may take: importing torch is most of it.
const LIMIT: Duration = Duration::from_secs(120);

/// A product that is measured: how many of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) adapters: usize,
    pub(super) rank: usize,
    pub(super) rows: usize,
    pub(super) tokens: usize,
    pub(super) width: usize,
    pub(super) out: usize,
}

/// What PyTorch took.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) version: String,
    /// Seconds of batched products over groups of equal size.
    pub(super) grouped: Spread,
    /// Seconds with factors copied for each row.
    pub(super) gathered: Spread,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Missing { missing: String },
    Measured { version: String, grouped: Vec<f64>, gathered: Vec<f64> },
}

/// Measures on the plan's device.
///
/// # Errors
/// Why it was not measured.
pub(super) fn seconds(plan: &Plan, shape: Shape, rounds: usize) -> Result<Taken, String> {
    let python = plan.python.display();
    let device = if plan.device.is_cpu() { "cpu".to_owned() } else { format!("cuda:{}", plan.index) };
    let Shape { adapters, rank, rows, tokens, width, out } = shape;
    let numbers = [adapters, rank, rows, tokens, width, out, rounds].map(|number| number.to_string());
    let mut command = Command::new(&plan.python);
    command.args(["-c", SCRIPT, &device]).args(numbers);
    let ended = match child::run(&mut command, LIMIT) {
        Err(error) => return Err(format!("no torch: `{python}` does not start ({error})")),
        Ok(None) => return Err(format!("`{python}` took more than {} s", LIMIT.as_secs())),
        Ok(Some(ended)) => ended,
    };
    match serde_json::from_str(ended.out.trim()) {
        Ok(Said::Missing { missing }) => Err(format!("{missing}, by `{python}`")),
        Ok(Said::Measured { version, grouped, gathered }) => {
            Ok(Taken { version, grouped: Spread::of(grouped), gathered: Spread::of(gathered) })
        }
        Err(_) => {
            Err(format!("`{python}` ended with {}: {}", ended.status, ended.errors.lines().last().unwrap_or_default()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(python: &str) -> Plan {
        Plan { python: python.into(), ..Plan::small_on_cpu() }
    }

    const SHAPE: Shape = Shape { adapters: 4, rank: 2, rows: 8, tokens: 3, width: 16, out: 12 };

    #[test]
    fn without_torch_the_reason_is_one_line() {
        let why = seconds(&plan("no-such-python"), SHAPE, 2).map(|taken| taken.version);
        assert!(why.as_ref().is_err_and(|why| why.contains("no torch") && why.lines().count() == 1), "{why:?}");
    }

    #[test]
    fn with_torch_both_ways_are_measured() {
        let Ok(python) = std::env::var("DELTAW_TORCH_PYTHON") else {
            eprintln!("SKIPPED: DELTAW_TORCH_PYTHON names no Python that has torch");
            return;
        };
        let taken = seconds(&plan(&python), SHAPE, 3);
        let measured = |spread: &Spread| spread.rounds == 3 && spread.least > 0.0;
        assert!(taken.as_ref().is_ok_and(|taken| measured(&taken.grouped) && measured(&taken.gathered)), "{taken:?}");
    }
}
