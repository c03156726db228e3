//! Evidence from a recorded run: what a claim quotes of the arena on SmolLM2, by key, and what it expects of the numbers.
//!
//! The record is `docs/arena/smollm2/results.json` as the command in its README wrote it, so no number is copied by hand. Keys:
//!
//! ```text
//! base.parameters  base.loss  base.exact          lora.parameters  lora.optimiser-bytes  lora.peak-bytes  lora.processor-ms
//! lora.rate  lora.loss  lora.exact                of every method; exact in per cent, processor-ms a step's time of all threads
//! lora.loss.low  lora.exact.high                  the seed with the lowest or highest value
//! ```
//!
//! An expectation is `KEY < FACTOR * KEY`, `>` or `=`, the factor or the right key left out where there is none. Where two means over
//! seeds are compared and the seeds' ranges overlap, the difference is within the noise.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{Evidence, Finding};
use crate::arena::{Entry, Results};

/// The numbers of the run.
const RECORD: &str = include_str!("../../docs/arena/smollm2/results.json");

/// The command that made them; a test holds it to the one in the run's README.
pub const COMMAND: &str = "RAYON_NUM_THREADS=1 CANDLE_NUM_THREADS=1 deltaw arena --base smollm2 --task polarity --steps 12 --batch 8 --seeds 2 \
                           --validation 30 --parallel 1 --out docs/arena/smollm2";

/// What a claim takes from the record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Keys of the numbers that are shown.
    pub quotes: Vec<String>,
    /// What they should say if the verdict is right.
    pub expect: Vec<Expectation>,
}

/// A statement about the record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// In words.
    pub text: String,
    /// As a comparison.
    pub that: String,
}

/// A number of the record, with its lowest and highest value over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Value {
    mean: f64,
    low: f64,
    high: f64,
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self { mean: value, low: value, high: value }
    }
}

/// What the record says of a claim.
///
/// # Errors
/// A key or a comparison is not understood; `deltaw claims --check` finds it.
pub fn evidence(recorded: &Recorded) -> Result<Evidence, String> {
    let record = record()?;
    let mut evidence = Evidence::new("SmolLM2-135M-Instruct on the task `polarity`, every method at its own best rate");
    for key in &recorded.quotes {
        let Value { mean, low, high } = value(record, key)?;
        evidence = evidence.number(name(key), mean);
        if low < high {
            evidence = evidence
                .number(format!("{}, lowest seed", name(key)), low)
                .number(format!("{}, highest", name(key)), high);
        }
    }
    for Expectation { text, that } in &recorded.expect {
        evidence = evidence.expect(text, judge(record, that)?);
    }
    Ok(evidence)
}

fn record() -> Result<&'static Results, String> {
    static RESULTS: OnceLock<Result<Results, String>> = OnceLock::new();
    let read = || serde_json::from_str(RECORD).map_err(|error| format!("docs/arena/smollm2/results.json: {error}"));
    RESULTS.get_or_init(read).as_ref().map_err(Clone::clone)
}

/// A key as people read it.
fn name(key: &str) -> String {
    let (method, quantity) = key.split_once('.').unwrap_or(("", key));
    let quantity = match quantity {
        "parameters" if method == "base" => "parameters",
        "parameters" => "trained parameters",
        "optimiser-bytes" => "optimiser state, bytes",
        "peak-bytes" => "peak memory of a step, bytes",
        "processor-ms" => "a step's processor time, ms",
        "rate" => "best learning rate",
        "loss" => "held-out loss, nats a token",
        "exact" => "held-out answers exactly right, %",
        other => other,
    };
    format!("{method}: {quantity}")
}

fn value(record: &Results, key: &str) -> Result<Value, String> {
    let unknown = || format!("the record has no number `{key}`");
    let mut parts = key.split('.');
    let (method, quantity, end) = (parts.next().unwrap_or_default(), parts.next().ok_or_else(unknown)?, parts.next());
    let value = match method {
        "base" => of_base(record, quantity),
        _ => {
            record.entries.iter().find(|entry| entry.recipe.method.name() == method).and_then(|e| of_entry(e, quantity))
        }
    };
    let value = value.ok_or_else(unknown)?;
    match (end, parts.next()) {
        (None, None) => Ok(value),
        (Some("low"), None) => Ok(value.low.into()),
        (Some("high"), None) => Ok(value.high.into()),
        _ => Err(unknown()),
    }
}

fn of_base(record: &Results, quantity: &str) -> Option<Value> {
    Some(match quantity {
        "parameters" => (record.base_parameters as f64).into(),
        "loss" => record.base_held.loss.into(),
        "exact" => (100.0 * record.base_held.exact).into(),
        _ => return None,
    })
}

fn of_entry(entry: &Entry, quantity: &str) -> Option<Value> {
    let spread = |(mean, low, high): (f64, f64, f64)| Value { mean, low, high };
    match quantity {
        "parameters" => Some((entry.parameters as f64).into()),
        "optimiser-bytes" => Some((entry.cost.optimiser_bytes as f64).into()),
        "peak-bytes" => entry.cost.peak_bytes.map(|bytes| (bytes as f64).into()),
        "processor-ms" => entry.cost.step_processor_seconds.map(|seconds| (1e3 * seconds).into()),
        "rate" => Some(entry.learning_rate().into()),
        "loss" => entry.spread(|held| held.loss).map(spread),
        "exact" => entry.spread(|held| 100.0 * held.exact).map(spread),
        _ => None,
    }
}

/// Whether a comparison holds in the record.
fn judge(record: &Results, that: &str) -> Result<Finding, String> {
    let words: Vec<&str> = that.split(' ').collect();
    let number = |word: &str| word.parse::<f64>().map_err(|_| format!("`{word}` in `{that}` is no number"));
    let (left, sign, right) = match words[..] {
        [left, sign, factor, "*", right] => {
            let (factor, right) = (number(factor)?, value(record, right)?);
            (left, sign, Value { mean: factor * right.mean, low: factor * right.low, high: factor * right.high })
        }
        [left, sign, right] => (left, sign, number(right).map(Value::from).or_else(|_| value(record, right))?),
        _ => return Err(format!("`{that}` is no comparison: write KEY < FACTOR * KEY")),
    };
    let left = value(record, left)?;
    Ok(match sign {
        "<" => less(left, right),
        ">" => less(right, left),
        // Rates are powers of a factor: they come out with an error of rounding.
        "=" => ((left.mean - right.mean).abs() <= 1e-9 * left.mean.abs()).into(),
        _ => return Err(format!("`{sign}` in `{that}` is none of < > =")),
    })
}

fn less(left: Value, right: Value) -> Finding {
    match (left.high < right.low, right.high <= left.low) {
        (true, _) => Finding::Met,
        (_, true) => Finding::Failed,
        _ => Finding::Unclear,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn comparisons_are_judged_by_the_seeds_ranges() {
        let of = |that: &str| judge(record().unwrap(), that);
        assert_eq!(of("full.parameters = base.parameters"), Ok(Finding::Met));
        assert_eq!(of("lora.optimiser-bytes = 8 * lora.parameters"), Ok(Finding::Met));
        assert_eq!(of("lora.parameters > 2 * base.parameters"), Ok(Finding::Failed));
        assert_eq!(of("prompt.exact < full.exact"), Ok(Finding::Met));
        assert_eq!(of("prompt.exact > full.exact"), Ok(Finding::Failed));
        assert_eq!(of("dora.exact > lora.exact"), Ok(Finding::Unclear), "the seeds' ranges overlap");
        assert_eq!(of("lora.exact.low < lora.exact.high"), Ok(Finding::Met));
        for wrong in
            ["lora.exact", "lora.exact ~ 3", "lora.size < 3", "lor.loss < 3", "lora.loss.mean < 3", "lora.loss < x * 3"]
        {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
