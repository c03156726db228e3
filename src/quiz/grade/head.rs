//! The last step for free text: what the patterns found, how like known wordings and how near in meaning the answer is, weighed into an
//! expected label.
//!
//! The weights are a gradient-boosted sum of small regression trees (Friedman 2001), fitted by `xtask/grader/calibrate.py`, one set for each
//! encoder: `assets/grader/head.json` and `head_minilm.json`. The thresholds in them were chosen on questions that the trees being tested had
//! not seen. A decisive wrong belief that the patterns detect is a feature and also a veto: with it no answer is right, whatever the trees say.

use std::sync::OnceLock;

use serde::Deserialize;

use super::features::Features;
use crate::quiz::verdict::Label;

/// Trees and thresholds.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Head {
    base: f32,
    trees: Vec<Tree>,
    /// From here on the expected label stands against "wrong".
    something: f32,
    /// From here on it is "correct".
    clear: f32,
    /// The same where patterns found all that was asked for.
    whole: f32,
    /// From here on what else is said keeps an answer with a decisive wrong belief from being wholly wrong.
    doubt: f32,
}

/// Nodes in one array; a leaf has no feature.
#[derive(Debug, Deserialize)]
struct Tree(Vec<Node>);

/// Feature, threshold, left child, right child, value.
#[derive(Debug, Deserialize)]
struct Node(i32, f32, usize, usize, f32);

impl Head {
    /// The head for the compact encoder that ships, or for a whole one.
    pub(super) fn of(compact: bool) -> &'static Self {
        static COMPACT: OnceLock<Head> = OnceLock::new();
        static ENTIRE: OnceLock<Head> = OnceLock::new();
        match compact {
            true => COMPACT.get_or_init(|| read(include_str!("../../../assets/grader/head.json"))),
            false => ENTIRE.get_or_init(|| read(include_str!("../../../assets/grader/head_minilm.json"))),
        }
    }

    /// The expected label, 0 to 2.
    pub(super) fn expected(&self, features: &Features) -> f32 {
        let list = features.list();
        self.base + self.trees.iter().map(|tree| tree.value(&list)).sum::<f32>()
    }

    /// The label for an expected one; `fatal` where a decisive wrong belief was detected, `whole` where patterns found all that was asked for.
    pub(super) fn settle(&self, fatal: bool, whole: bool, expected: f32) -> Label {
        match expected {
            value if fatal => {
                if value >= self.doubt {
                    Label::Partial
                } else {
                    Label::Wrong
                }
            }
            value if value >= self.clear || (whole && value >= self.whole) => Label::Correct,
            value if value >= self.something => Label::Partial,
            _ => Label::Wrong,
        }
    }
}

fn read(text: &str) -> Head {
    serde_json::from_str(text).unwrap_or_default()
}

impl Tree {
    fn value(&self, list: &[f32]) -> f32 {
        let mut at = 0;
        // Children come after their parents, so this ends.
        while let Some(Node(feature, threshold, left, right, value)) = self.0.get(at) {
            let Some(found) = usize::try_from(*feature).ok().and_then(|feature| list.get(feature)) else {
                return *value;
            };
            let next = if found <= threshold { *left } else { *right };
            if next <= at {
                return *value;
            }
            at = next;
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decisive_wrong_belief_is_a_veto() {
        let head = Head { something: 0.6, clear: 1.5, whole: 1.35, doubt: 0.9, ..Head::default() };
        assert_eq!(head.settle(false, false, 1.6), Label::Correct);
        assert_eq!(head.settle(false, false, 1.4), Label::Partial);
        assert_eq!(head.settle(false, true, 1.4), Label::Correct);
        assert_eq!(head.settle(false, true, 1.2), Label::Partial);
        assert_eq!(head.settle(false, false, 0.1), Label::Wrong);
        assert_eq!(head.settle(true, true, 2.0), Label::Partial);
        assert_eq!(head.settle(true, false, 0.8), Label::Wrong);
    }

    #[test]
    fn the_shipped_trees_are_read_and_reward_likeness() {
        for head in [Head::of(true), Head::of(false)] {
            assert!(!head.trees.is_empty() && head.something < head.clear);
            let poor = Features { fatal: 1.0, worst_lead: -0.5, near_miss: 0.9, decisive: 0.9, ..Features::default() };
            let good = Features {
                label: 2.0,
                required: 1.0,
                weakest: 0.8,
                mean: 0.8,
                best_lead: 0.5,
                mean_lead: 0.5,
                missing: 1.0,
                suggested: 1.8,
                ..Features::default()
            };
            assert!(head.expected(&good) > head.expected(&poor) + 0.5);
        }
    }
}
