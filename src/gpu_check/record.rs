//! What is written down.

use serde::{Deserialize, Serialize};

use super::Machine;

/// Several measurements of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// How many there are.
    pub rounds: usize,
}

impl Spread {
    /// Of at least one measurement; of none, zeros.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let rounds = values.len();
        Self { median: at(rounds / 2), least: at(0), most: at(rounds.saturating_sub(1)), rounds }
    }

    /// The same by a function that rises or falls throughout.
    #[must_use]
    pub fn map(self, of: impl Fn(f64) -> f64) -> Self {
        let (a, b) = (of(self.least), of(self.most));
        Self { median: of(self.median), least: a.min(b), most: a.max(b), rounds: self.rounds }
    }
}

/// Something that is right or wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The part that made it.
    pub part: String,
    /// What was checked.
    pub name: String,
    /// Whether it is right.
    pub passed: bool,
    /// The largest difference and its bound, or what went wrong.
    pub detail: String,
}

/// What a figure should reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Goal {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

impl Goal {
    /// Whether a figure reaches it.
    #[must_use]
    pub fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(goal) => value >= goal,
            Self::AtMost(goal) => value <= goal,
        }
    }
}

/// Something measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What.
    pub name: String,
    /// In which unit.
    pub unit: String,
    /// How much.
    pub value: Spread,
    /// What it should reach, if there is a goal.
    pub goal: Option<Goal>,
}

/// A check of one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The device and what surrounds it.
    pub machine: Machine,
    /// Where the source stood.
    pub commit: String,
    /// The day, UTC.
    pub date: String,
    /// Whether shapes were small: then the figures say nothing about the device.
    pub small: bool,
    /// How long all of it took.
    pub seconds: f64,
    /// What is right and what is wrong.
    pub checks: Vec<Check>,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// What was not done, and why.
    pub notes: Vec<String>,
}

impl Record {
    /// Checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.passed)
    }

    /// A file name without ending: the device's name in small letters and digits.
    #[must_use]
    pub fn file_name(&self) -> String {
        let name: String =
            self.machine.name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
        if words.is_empty() { "unnamed".to_owned() } else { words.join("-") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_keeps_its_order_under_a_falling_function() {
        let seconds = Spread::of(vec![0.5, 0.1, 0.2]);
        assert_eq!(seconds, Spread { median: 0.2, least: 0.1, most: 0.5, rounds: 3 });
        let rates = seconds.map(|seconds| 1.0 / seconds);
        assert_eq!((rates.median, rates.least, rates.most), (5.0, 2.0, 10.0));
        assert_eq!(Spread::of(Vec::new()).rounds, 0);
    }

    #[test]
    fn a_goal_is_met_from_its_side() {
        assert!(Goal::AtLeast(0.8).met(0.8) && !Goal::AtLeast(0.8).met(0.79));
        assert!(Goal::AtMost(12.0).met(11.0) && !Goal::AtMost(12.0).met(12.1) && !Goal::AtMost(1.0).met(f64::NAN));
    }
}
