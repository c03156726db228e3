//! What the head weighs: findings of the patterns, likeness to known wordings and answers, nearness in meaning.

use serde::Serialize;

/// What the trees look at. Likenesses and nearnesses are cosines.
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
    /// Number of decisive wrong beliefs found.
    pub fatal: f32,
    /// Number of points missed.
    pub missed: f32,
    /// Number of points of the rubric.
    pub points: f32,
    /// Number of required points of the rubric.
    pub needed: f32,
    /// Words of the answer.
    pub words: f32,
    /// Likeness to answers of known label.
    pub answers: Neighbours,
    /// Nearness in meaning to what is known about the question.
    pub meaning: Meaning,
    /// The label that known answers and wordings suggest together.
    pub suggested: f32,
    /// Share of the words that stand where patterns found a point.
    pub covered: f32,
    /// Share of the words that are negated or denied.
    pub negated: f32,
}

/// Nearness in meaning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Meaning {
    /// To the required point that is farthest.
    pub weakest: f32,
    /// To the required points on average.
    pub mean: f32,
    /// To the nearest other point.
    pub other: f32,
    /// To the nearest decisive wrong belief.
    pub decisive: f32,
    /// To the nearest other wrong belief.
    pub mild: f32,
    /// To a statement that sounds right and is not.
    pub near_miss: f32,
    /// To a true statement about something else.
    pub off_topic: f32,
    /// To the model answer.
    pub model: f32,
    /// To answers of known label.
    pub answers: Neighbours,
}

/// Answers of known label near by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Neighbours {
    /// Best likeness to an answer of each label.
    pub best: [f32; 3],
    /// Mean label, weighed by likeness.
    pub label: f32,
}

/// How fast a neighbour's say falls with its distance.
const SHARPNESS: f32 = 12.0;

impl Neighbours {
    /// From likenesses to answers, each with its label.
    pub(super) fn new(answers: impl Iterator<Item = (u8, f32)>) -> Self {
        let (mut best, mut total, mut weights) = ([0.0_f32; 3], 0.0, 0.0);
        for (label, likeness) in answers {
            let slot = &mut best[usize::from(label.min(2))];
            *slot = slot.max(likeness);
            let weight = (SHARPNESS * likeness).exp();
            total += weight * f32::from(label);
            weights += weight;
        }
        Self { best, label: if weights > 0.0 { total / weights } else { 1.0 } }
    }

    fn list(&self) -> [f32; 5] {
        let [wrong, partial, right] = self.best;
        [wrong, partial, right, self.label, right - wrong]
    }
}

impl Features {
    /// The features in the order of the trees.
    #[must_use]
    pub fn list(&self) -> Vec<f32> {
        let near = &self.meaning;
        let against = near.decisive.max(near.near_miss);
        let mut list = vec![
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
            self.fatal,
            self.missed,
            self.points,
            self.needed,
            self.words,
        ];
        list.extend(self.answers.list());
        list.extend([near.weakest, near.mean, near.other, near.decisive, near.mild, near.near_miss, near.off_topic]);
        list.extend([near.model, near.weakest - against, near.mean - against]);
        list.extend(near.answers.list());
        list.extend([self.suggested, self.covered, self.negated]);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_neighbours_outvote_far_ones() {
        let found = Neighbours::new([(2, 0.9), (0, 0.3), (0, 0.2)].into_iter());
        assert!(found.label > 1.9 && found.best == [0.3, 0.0, 0.9], "{found:?}");
        assert!((Neighbours::new(std::iter::empty()).label - 1.0).abs() < 1e-6);
    }
}
