//! From patterns' findings and likenesses to the features of the head, and back into words: which sentence is like which wording.

use std::ops::Range;

use serde::Serialize;

use super::{
    features::{Features, Meaning, Neighbours},
    likeness::{Likeness, Target, Wordings},
    token::Token,
};
use crate::quiz::bank::Rubric;

/// Most sentences that are compared one by one.
const SENTENCES: usize = 40;

/// From this likeness on a sentence counts as the known wording itself.
const PLAIN: f32 = 0.75;

/// How far it must lead over what contradicts it.
const MARGIN: f32 = 0.15;

/// What the grader saw, stage by stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Trace {
    /// The answer's words as they were compared; negated ones are marked `!`.
    pub tokens: Vec<String>,
    /// Sentences with the target each is most like, the known wording and the likeness.
    pub alike: Vec<Alike>,
    /// What was weighed.
    pub features: Features,
    /// The expected label, 0 to 2; none where patterns alone decided.
    pub expected: Option<f32>,
}

/// A sentence and the known wording it is most like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alike {
    /// The learner's words.
    pub said: String,
    /// `point few-train`, `wrong belief prune`, `near miss` or `off topic`.
    pub target: String,
    /// The known wording.
    pub wording: String,
    /// Cosine, 0 to 1.
    pub likeness: f32,
}

/// Sentences of an answer compared with a question's wordings; the last row is the whole answer.
pub(super) struct Compared {
    rows: Vec<(Range<usize>, Likeness)>,
}

impl Compared {
    pub(super) fn new(tokens: &[Token], wordings: &Wordings) -> Self {
        let mut rows: Vec<(Range<usize>, Likeness)> = tokens
            .chunk_by(|a, b| a.sentence == b.sentence)
            .take(SENTENCES)
            .map(|sentence| (place(sentence), wordings.compare(sentence)))
            .collect();
        rows.push((place(tokens), wordings.compare(tokens)));
        Self { rows }
    }

    /// The best likeness to a target that `wanted` picks, with the sentence and the wording.
    pub(super) fn best(&self, wanted: impl Fn(&Target) -> bool) -> Option<(f32, Range<usize>, usize)> {
        let found = self.rows.iter().flat_map(|(place, likeness)| {
            likeness
                .iter()
                .filter(|(target, _)| wanted(target))
                .map(|(_, (value, number))| (*value, place.clone(), *number))
        });
        found.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Where a sentence says nearly word for word what `wanted` words, and is less like anything that contradicts it.
    pub(super) fn plainly(&self, wanted: &Target) -> Option<Range<usize>> {
        let opposed = |target: &Target| match wanted {
            Target::Point(_) => matches!(target, Target::Misconception(_) | Target::NearMiss),
            _ => matches!(target, Target::Point(_)),
        };
        self.rows.iter().find_map(|(place, likeness)| {
            let (value, _) = likeness.get(wanted)?;
            let against =
                likeness.iter().filter(|(target, _)| opposed(target)).map(|(_, (value, _))| *value).fold(0.0, f32::max);
            (*value >= PLAIN && *value >= against + MARGIN).then(|| place.clone())
        })
    }

    fn value(&self, wanted: impl Fn(&Target) -> bool) -> f32 {
        self.best(wanted).map_or(0.0, |(value, _, _)| value)
    }

    pub(super) fn point(&self, id: &str) -> f32 {
        self.value(|target| matches!(target, Target::Point(point) if point == id))
    }

    /// The likeness features; the ones from patterns are the caller's.
    pub(super) fn features(&self, rubric: &Rubric, found: &dyn Fn(&str) -> bool, features: Features) -> Features {
        let required: Vec<f32> = rubric.points.iter().filter(|p| p.required).map(|p| self.point(&p.id)).collect();
        let missing = rubric.points.iter().filter(|p| p.required && !found(&p.id)).map(|p| self.point(&p.id));
        let least = |values: &[f32], otherwise: f32| values.iter().copied().reduce(f32::min).unwrap_or(otherwise);
        let believed = |decisive: bool| {
            self.value(|target| {
                matches!(target, Target::Misconception(id)
                    if rubric.misconceptions.iter().any(|m| m.id == *id && m.decisive == decisive))
            })
        };
        let leads: Vec<f32> = self.rows.iter().map(|(_, likeness)| lead(likeness)).collect();
        Features {
            weakest: least(&required, 0.0),
            mean: required.iter().sum::<f32>() / required.len().max(1) as f32,
            other: rubric.points.iter().filter(|p| !p.required).map(|p| self.point(&p.id)).fold(0.0, f32::max),
            decisive: believed(true),
            mild: believed(false),
            near_miss: self.value(|target| *target == Target::NearMiss),
            off_topic: self.value(|target| *target == Target::OffTopic),
            best_lead: leads.iter().copied().fold(-1.0, f32::max),
            worst_lead: least(&leads, 0.0),
            mean_lead: leads.iter().sum::<f32>() / leads.len().max(1) as f32,
            missing: least(&missing.collect::<Vec<_>>(), 1.0),
            ..features
        }
    }

    /// For each sentence the wording it is most like.
    pub(super) fn alike(&self, answer: &str, wordings: &Wordings) -> Vec<Alike> {
        let row = |(place, likeness): &(Range<usize>, Likeness)| {
            let (target, (value, number)) = likeness.iter().max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
            let target = match target {
                Target::Point(id) => format!("point {id}"),
                Target::Misconception(id) => format!("wrong belief {id}"),
                Target::NearMiss => "near miss".to_owned(),
                Target::OffTopic => "off topic".to_owned(),
                Target::Model => "model answer".to_owned(),
                Target::Answer(label) => format!("answer graded {label}"),
            };
            let said = answer.get(place.clone()).unwrap_or_default().to_owned();
            Some(Alike { said, target, wording: wordings.text(*number).to_owned(), likeness: *value })
        };
        let sentences = self.rows.len() - 1;
        self.rows.iter().take(if sentences == 1 { 1 } else { sentences }).filter_map(row).collect()
    }
}

/// Likeness to a point less likeness to a wrong statement.
fn lead(likeness: &Likeness) -> f32 {
    let best = |points: bool| {
        let side = likeness.iter().filter(|(target, _)| match target {
            Target::Point(_) => points,
            Target::Misconception(_) | Target::NearMiss => !points,
            Target::OffTopic | Target::Model | Target::Answer(_) => false,
        });
        side.map(|(_, (value, _))| *value).fold(0.0, f32::max)
    };
    best(true) - best(false)
}

/// How much of a likeness is that of words; the rest is nearness in meaning.
const BY_WORDS: f32 = 0.8;

/// Likeness of words and nearness in meaning in one; the words' alone where there is no encoder.
pub(super) fn mixed(alike: &[f32], near: Option<&[f32]>) -> Vec<f32> {
    match near {
        Some(near) => alike.iter().zip(near).map(|(word, sense)| BY_WORDS * word + (1.0 - BY_WORDS) * sense).collect(),
        None => alike.to_vec(),
    }
}

/// Nearness in meaning from the cosines with all that is known about a question.
pub(super) fn meaning(rubric: &Rubric, cosines: &[(&Target, f32)]) -> Meaning {
    let nearest = |wanted: &dyn Fn(&Target) -> bool| {
        cosines.iter().filter(|(target, _)| wanted(target)).map(|(_, cosine)| *cosine).reduce(f32::max).unwrap_or(0.0)
    };
    let point = |id: &str| nearest(&|target| matches!(target, Target::Point(other) if other == id));
    let required: Vec<f32> = rubric.points.iter().filter(|p| p.required).map(|p| point(&p.id)).collect();
    let believed = |decisive: bool| {
        nearest(&|target| {
            matches!(target, Target::Misconception(id)
                if rubric.misconceptions.iter().any(|m| m.id == *id && m.decisive == decisive))
        })
    };
    Meaning {
        weakest: required.iter().copied().reduce(f32::min).unwrap_or(0.0),
        mean: required.iter().sum::<f32>() / required.len().max(1) as f32,
        other: rubric.points.iter().filter(|p| !p.required).map(|p| point(&p.id)).fold(0.0, f32::max),
        decisive: believed(true).max(0.0),
        mild: believed(false).max(0.0),
        near_miss: nearest(&|target| *target == Target::NearMiss),
        off_topic: nearest(&|target| *target == Target::OffTopic),
        model: nearest(&|target| *target == Target::Model),
        answers: answers(cosines.iter().copied()),
    }
}

/// The known answers among `likenesses`.
pub(super) fn answers<'a>(likenesses: impl Iterator<Item = (&'a Target, f32)>) -> Neighbours {
    Neighbours::new(likenesses.filter_map(|(target, likeness)| match target {
        Target::Answer(label) => Some((*label, likeness)),
        _ => None,
    }))
}

fn place(tokens: &[Token]) -> Range<usize> {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.range.start..last.range.end,
        _ => 0..0,
    }
}
