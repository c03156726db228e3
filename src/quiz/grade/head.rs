//! The last step for free text: what the patterns found and how like known wordings the answer is, weighed into an expected label.
//!
//! The weights are a gradient-boosted sum of small regression trees (Friedman 2001), fitted by `xtask/grader/calibrate.py` on answers whose
//! questions the trees being tested had not seen; `assets/grader/head.json` holds them. A decisive wrong belief that the patterns detect is
//! never overridden here.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::quiz::verdict::Label;

/// What the trees look at. Likenesses are cosines, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Features {
    /// Label by patterns alone.
    pub label: f32,
    /// Share of the required points that patterns found.
    pub required: f32,
    /// Number of other points that patterns found.
    pub depth: f32,
    /// Number of wrong beliefs found that are not decisive.
    pub wrong: f32,
    /// Likeness to the required point that is least alike.
    pub weakest: f32,
    /// Mean likeness to the required points.
    pub mean: f32,
    /// Likeness to the other point that is most alike.
    pub other: f32,
    /// Likeness to a decisive wrong belief.
    pub decisive: f32,
    /// Likeness to another wrong belief.
    pub mild: f32,
    /// Likeness to a statement that sounds right and is not.
    pub near_miss: f32,
    /// Likeness to a true statement about something else.
    pub off_topic: f32,
    /// Best lead of a sentence's likeness to a point over that to a wrong statement.
    pub best_lead: f32,
    /// Worst such lead.
    pub worst_lead: f32,
    /// Mean such lead.
    pub mean_lead: f32,
    /// Likeness to the least alike of the required points that patterns missed; 1 where none is missed.
    pub missing: f32,
}

impl Features {
    /// The features in the order of the trees.
    #[must_use]
    pub fn list(&self) -> [f32; 15] {
        [
            self.label,
            self.required,
            self.depth,
            self.wrong,
            self.weakest,
            self.mean,
            self.other,
            self.decisive,
            self.mild,
            self.near_miss,
            self.off_topic,
            self.best_lead,
            self.worst_lead,
            self.mean_lead,
            self.missing,
        ]
    }
}

#[derive(Debug, Default, Deserialize)]
struct Head {
    base: f32,
    trees: Vec<Tree>,
}

/// Nodes in one array; a leaf has no feature.
#[derive(Debug, Deserialize)]
struct Tree(Vec<Node>);

/// Feature, threshold, left child, right child, value.
#[derive(Debug, Deserialize)]
struct Node(i32, f32, usize, usize, f32);

/// The expected label, 0 to 2.
#[must_use]
pub fn expected(features: &Features) -> f32 {
    let list = features.list();
    head().base + head().trees.iter().map(|tree| tree.value(&list)).sum::<f32>()
}

/// From here on the expected label stands against "wrong".
const SOMETHING: f32 = 0.4;

/// From here on it stands by patterns that found everything.
const CONFIRMED: f32 = 1.1;

/// From here on it makes up for a required point that patterns missed.
const CLEAR: f32 = 1.7;

/// The label, given the one by patterns: it moves only where the expected label is clear, and never up from wrong.
#[must_use]
pub fn settle(by_patterns: Label, expected: f32) -> Label {
    let correct = if by_patterns == Label::Correct { CONFIRMED } else { CLEAR };
    match expected {
        _ if by_patterns == Label::Wrong => Label::Wrong,
        value if value >= correct => Label::Correct,
        value if value >= SOMETHING => Label::Partial,
        _ => Label::Wrong,
    }
}

fn head() -> &'static Head {
    static HEAD: OnceLock<Head> = OnceLock::new();
    HEAD.get_or_init(|| serde_json::from_str(include_str!("../../../assets/grader/head.json")).unwrap_or_default())
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
    fn the_label_moves_only_where_the_expected_one_is_clear() {
        assert_eq!(settle(Label::Correct, 1.2), Label::Correct);
        assert_eq!(settle(Label::Partial, 1.2), Label::Partial);
        assert_eq!(settle(Label::Partial, 1.8), Label::Correct);
        assert_eq!(settle(Label::Correct, 0.9), Label::Partial);
        assert_eq!(settle(Label::Correct, 0.1), Label::Wrong);
        assert_eq!(settle(Label::Wrong, 2.0), Label::Wrong);
    }

    #[test]
    fn the_shipped_trees_are_read_and_reward_likeness() {
        assert!(!head().trees.is_empty());
        let poor = Features { label: 1.0, worst_lead: -0.5, near_miss: 0.9, decisive: 0.9, ..Features::default() };
        let good = Features {
            label: 2.0,
            required: 1.0,
            weakest: 0.8,
            mean: 0.8,
            best_lead: 0.5,
            mean_lead: 0.5,
            missing: 1.0,
            ..Features::default()
        };
        assert!(expected(&good) > expected(&poor) + 0.5, "{} {}", expected(&good), expected(&poor));
    }
}
