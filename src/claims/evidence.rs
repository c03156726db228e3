//! What a computation says: numbers, criteria on them, and the outcome that follows.
//!
//! ```
//! use deltaw::claims::{Evidence, Finding, Outcome};
//! let ratio = 16_777_216.0 / 131_072.0;
//! let evidence = Evidence::new("One matrix").number("ratio", ratio).expect("the ratio is 128, not 125", ratio == 128.0);
//! assert_eq!(evidence.outcome(), Outcome::Agrees);
//! // A difference within the noise settles nothing.
//! let noisy = Evidence::new("Two runs").expect("the first is better", Finding::above(0.51, 0.50, 0.02));
//! assert_eq!(noisy.outcome(), Outcome::Inconclusive);
//! ```

use serde::Serialize;

/// Whether a criterion is met by the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    /// It is.
    Met,
    /// It is not.
    Failed,
    /// The difference is within the noise.
    Unclear,
}

impl From<bool> for Finding {
    fn from(met: bool) -> Self {
        if met { Self::Met } else { Self::Failed }
    }
}

impl Finding {
    /// Whether `value` lies above `bound`; less than `noise` between them decides nothing, nor does what is no number.
    #[must_use]
    pub fn above(value: f64, bound: f64, noise: f64) -> Self {
        match value - bound {
            gap if gap > noise => Self::Met,
            gap if gap < -noise => Self::Failed,
            _ => Self::Unclear,
        }
    }

    /// Whether `value` lies below `bound`, likewise.
    #[must_use]
    pub fn below(value: f64, bound: f64, noise: f64) -> Self {
        Self::above(bound, value, noise)
    }
}

/// What the computation says of the claim's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every criterion is met: this machine shows what the ledger says.
    Agrees,
    /// A criterion fails: here it came out otherwise.
    Contradicts,
    /// The numbers do not decide.
    Inconclusive,
}

impl Outcome {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Agrees => "agrees with the verdict",
            Self::Contradicts => "contradicts the verdict",
            Self::Inconclusive => "settles nothing",
        }
    }
}

/// A named number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Number {
    /// Name, with the unit.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Whether it is a measured time, or a ratio of such: another run gives another one.
    pub timed: bool,
}

/// What the numbers must satisfy for the verdict to be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// In words.
    pub text: String,
    /// Whether they do.
    pub finding: Finding,
}

/// The result of a computation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What was computed.
    pub about: String,
    /// The numbers, in the order in which they came.
    pub numbers: Vec<Number>,
    /// The criteria.
    pub criteria: Vec<Criterion>,
}

impl Evidence {
    /// Nothing found yet. `about` says what is computed.
    #[must_use]
    pub fn new(about: impl Into<String>) -> Self {
        Self { about: about.into(), numbers: Vec::new(), criteria: Vec::new() }
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, name: impl Into<String>, value: f64) -> Self {
        self.with(name.into(), value, false)
    }

    /// Adds a measured time, or a ratio of times.
    #[must_use]
    pub fn timed(self, name: impl Into<String>, value: f64) -> Self {
        self.with(name.into(), value, true)
    }

    fn with(mut self, name: String, value: f64, timed: bool) -> Self {
        self.numbers.push(Number { name, value, timed });
        self
    }

    /// Adds a criterion with what was found.
    #[must_use]
    pub fn expect(mut self, text: impl Into<String>, finding: impl Into<Finding>) -> Self {
        self.criteria.push(Criterion { text: text.into(), finding: finding.into() });
        self
    }

    /// One failed criterion contradicts; else one unclear one, or none at all, settles nothing.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let any = |wanted| self.criteria.iter().any(|criterion| criterion.finding == wanted);
        if any(Finding::Failed) {
            Outcome::Contradicts
        } else if any(Finding::Unclear) || self.criteria.is_empty() {
            Outcome::Inconclusive
        } else {
            Outcome::Agrees
        }
    }
}

/// A number as it is printed: whole ones with separators, others with four significant digits.
#[must_use]
pub fn written(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || (size > 0.0 && !(1e-3..1e15).contains(&size)) {
        return format!("{value:.1e}");
    }
    if value.fract() == 0.0 {
        return grouped(value);
    }
    if size >= 1e4 {
        return grouped(value.round());
    }
    let digits = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn grouped(whole: f64) -> String {
    let digits = format!("{:.0}", whole.abs());
    let mut text = if whole < 0.0 { "−".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_follows_from_the_criteria() {
        let of = |findings: &[Finding]| {
            findings.iter().fold(Evidence::new("x"), |evidence, finding| evidence.expect("y", *finding)).outcome()
        };
        use Finding::{Failed, Met, Unclear};
        assert_eq!(of(&[]), Outcome::Inconclusive);
        assert_eq!(of(&[Met, Met]), Outcome::Agrees);
        assert_eq!(of(&[Met, Unclear]), Outcome::Inconclusive);
        assert_eq!(of(&[Unclear, Failed]), Outcome::Contradicts);
        assert_eq!(Finding::below(f64::NAN, 1.0, 0.1), Unclear);
    }

    #[test]
    fn numbers_read_well() {
        for (value, text) in [
            (6_738_415_616.0, "6,738,415,616"),
            (0.12449, "0.1245"),
            (128.0, "128"),
            (123_456.7, "123,457"),
            (0.0, "0"),
        ] {
            assert_eq!(written(value), text);
        }
        assert_eq!(written(4.6e-8), "4.6e-8");
        assert_eq!(written(f64::NAN), "NaN");
    }
}
