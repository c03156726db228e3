//! How well the grader agrees with people: labelled answers, the confusion of labels, and the figures that sum it up.
//!
//! Quadratic weighted kappa (Cohen 1968): κ = 1 − Σ w·O / Σ w·E with w = (i − j)² / 4, O the observed counts and E those expected from
//! the two margins. 1 is perfect agreement, 0 what chance would give.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An answer with the label people gave it. Further fields of a line are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Labelled {
    /// Id of the question.
    pub id: String,
    /// The answer.
    pub answer: String,
    /// 0, 1 or 2.
    pub label: u8,
    /// What sort of answer it is: `telegram`, `negation`, `typos`…
    #[serde(default)]
    pub kind: String,
    /// Why it deserves its label.
    #[serde(default)]
    pub reason: String,
}

/// `counts[given][graded]`: given by people, graded by the program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Confusion(pub [[usize; 3]; 3]);

impl Confusion {
    /// Counts one answer; labels above 2 are counted as 2.
    pub fn add(&mut self, given: u8, graded: u8) {
        self.0[usize::from(given.min(2))][usize::from(graded.min(2))] += 1;
    }

    /// All answers.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.iter().flatten().sum()
    }

    /// Share of equal labels; 0 without answers.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        ratio((0..3).map(|label| self.0[label][label]).sum(), self.total())
    }

    /// Quadratic weighted kappa; 1 where chance alone would agree fully.
    #[must_use]
    pub fn kappa(&self) -> f64 {
        let total = self.total() as f64;
        let (mut observed, mut expected) = (0.0, 0.0);
        for given in 0..3 {
            for graded in 0..3 {
                let weight = (given as f64 - graded as f64).powi(2) / 4.0;
                let row: usize = self.0[given].iter().sum();
                let column: usize = self.0.iter().map(|row| row[graded]).sum();
                observed += weight * self.0[given][graded] as f64;
                expected += weight * row as f64 * column as f64 / total.max(1.0);
            }
        }
        if expected == 0.0 { 1.0 } else { 1.0 - observed / expected }
    }

    /// Share of wrong answers (label 0) graded correct.
    #[must_use]
    pub fn false_accepts(&self) -> f64 {
        ratio(self.0[0][2], self.0[0].iter().sum())
    }

    /// Share of right answers (label 2) graded wrong.
    #[must_use]
    pub fn false_rejects(&self) -> f64 {
        ratio(self.0[2][0], self.0[2].iter().sum())
    }

    /// Share of right answers (label 2) not graded correct: the stricter count.
    #[must_use]
    pub fn withheld(&self) -> f64 {
        ratio(self.0[2][0] + self.0[2][1], self.0[2].iter().sum())
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The figures of one set of answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Answers.
    pub answers: usize,
    /// Share of equal labels.
    pub accuracy: f64,
    /// Quadratic weighted kappa.
    pub kappa: f64,
    /// Share of wrong answers graded correct.
    pub false_accepts: f64,
    /// Share of right answers graded wrong.
    pub false_rejects: f64,
    /// Share of right answers not graded correct.
    pub withheld: f64,
    /// Rows: given label; columns: graded label.
    pub confusion: Confusion,
}

impl From<Confusion> for Figures {
    fn from(confusion: Confusion) -> Self {
        Self {
            answers: confusion.total(),
            accuracy: confusion.accuracy(),
            kappa: confusion.kappa(),
            false_accepts: confusion.false_accepts(),
            false_rejects: confusion.false_rejects(),
            withheld: confusion.withheld(),
            confusion,
        }
    }
}

/// Figures over all answers and by kind of answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Evaluation {
    /// Over all answers.
    pub all: Figures,
    /// By kind; answers without one are under the empty name.
    pub kinds: BTreeMap<String, Figures>,
}

impl Evaluation {
    /// Sums up answers, each with the label it was graded.
    pub fn new<'a>(graded: impl IntoIterator<Item = (&'a Labelled, u8)>) -> Self {
        let mut all = Confusion::default();
        let mut kinds: BTreeMap<String, Confusion> = BTreeMap::new();
        for (labelled, label) in graded {
            all.add(labelled.label, label);
            kinds.entry(labelled.kind.clone()).or_default().add(labelled.label, label);
        }
        Self { all: all.into(), kinds: kinds.into_iter().map(|(kind, confusion)| (kind, confusion.into())).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_is_one_for_agreement_zero_for_chance_and_punishes_far_misses_more() {
        let perfect = Confusion([[5, 0, 0], [0, 5, 0], [0, 0, 5]]);
        assert!((perfect.kappa() - 1.0).abs() < 1e-12);
        let chance = Confusion([[1, 1, 1], [1, 1, 1], [1, 1, 1]]);
        assert!(chance.kappa().abs() < 1e-12);
        let near = Confusion([[4, 1, 0], [0, 5, 0], [0, 0, 5]]);
        let far = Confusion([[4, 0, 1], [0, 5, 0], [0, 0, 5]]);
        assert!(near.kappa() > far.kappa());
        // Worked by hand: observed 1/4, expected (over 15 answers) (0 + 6·5·¼ + …)/15 as the definition says.
        assert!((near.kappa() - (1.0 - 0.25 / expected(&near))).abs() < 1e-12);
    }

    fn expected(confusion: &Confusion) -> f64 {
        let rows = [5.0, 5.0, 5.0];
        let columns = [
            confusion.0.iter().map(|row| row[0]).sum::<usize>() as f64,
            confusion.0.iter().map(|row| row[1]).sum::<usize>() as f64,
            confusion.0.iter().map(|row| row[2]).sum::<usize>() as f64,
        ];
        let weights = [[0.0, 0.25, 1.0], [0.25, 0.0, 0.25], [1.0, 0.25, 0.0]];
        (0..3).flat_map(|i| (0..3).map(move |j| (i, j))).map(|(i, j)| weights[i][j] * rows[i] * columns[j] / 15.0).sum()
    }

    #[test]
    fn rates_are_over_their_own_label() {
        let confusion = Confusion([[8, 1, 1], [0, 3, 0], [1, 1, 2]]);
        assert!((confusion.false_accepts() - 0.1).abs() < 1e-12);
        assert!((confusion.false_rejects() - 0.25).abs() < 1e-12);
        assert!((confusion.withheld() - 0.5).abs() < 1e-12);
        assert!((Confusion::default().accuracy()).abs() < 1e-12);
    }
}
