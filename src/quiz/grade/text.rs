//! Free text against a rubric: points hit, misconceptions caught, label and score.

use std::ops::Range;

use super::{
    guard::{self, Guard},
    lexicon::Lexicon,
    matcher::find,
    pattern::parse,
    stance,
    token::{Token, tokens},
};
use crate::quiz::{
    bank::{Misconception, Point, Rubric},
    verdict::{Caught, Label, PointVerdict, Verdict},
};

/// The most of an answer that is read, in characters.
const READ: usize = 20_000;

/// The most tokens that are read.
const TOKENS: usize = 6_000;

/// Grades `answer` to the question worded `question`.
pub(super) fn grade(rubric: &Rubric, question: &str, lexicon: &Lexicon, answer: &str) -> Verdict {
    let mut notes = Vec::new();
    let read = match answer.char_indices().nth(READ) {
        Some((end, _)) => {
            notes.push(format!("Only the first {READ} characters were read."));
            &answer[..end]
        }
        None => answer,
    };
    let mut words = tokens(read, TOKENS);
    lexicon.correct(&mut words);
    let pleas = stance::pleas(read);
    words.retain(|token| !within(&pleas, token));
    let guard = match words.is_empty() && !pleas.is_empty() {
        true => Some(Guard::Plea),
        false => guard::check(read, &words, question),
    };
    if let Some(guard) = guard {
        notes.push(guard.note().to_owned());
        words.clear();
    } else if !pleas.is_empty() {
        notes.push("Words to the grader count for nothing.".to_owned());
    }
    let unknown = stance::ignorance(read);
    words.retain(|token| !within(&unknown, token));
    stance::deny(&mut words, read);

    let (mut hit, mut missed) = (Vec::new(), Vec::new());
    for point in &rubric.points {
        match matched(&point.accept, &words, lexicon) {
            Some(places) => hit.push(point_verdict(point, quote(read, &places))),
            None => missed.push(point_verdict(point, Vec::new())),
        }
    }
    let misconceptions: Vec<Caught> = rubric
        .misconceptions
        .iter()
        .filter_map(|m| matched(&m.detect, &words, lexicon).map(|places| caught(m, quote(read, &places))))
        .collect();
    let vague = matched(&rubric.vague, &words, lexicon).is_some();

    let label = label(&hit, &missed, &misconceptions, vague);
    let score = score(label, &hit, &missed, &misconceptions);
    Verdict { label, score, hit, missed, misconceptions, notes }
}

/// Whether one of `patterns` holds in `reply`.
pub(super) fn holds(patterns: &[String], lexicon: &Lexicon, reply: &str) -> bool {
    let mut words = tokens(&reply.chars().take(READ).collect::<String>(), TOKENS);
    lexicon.correct(&mut words);
    matched(patterns, &words, lexicon).is_some()
}

fn within(places: &[Range<usize>], token: &Token) -> bool {
    places.iter().any(|place| place.contains(&token.range.start))
}

fn matched(patterns: &[String], words: &[Token], lexicon: &Lexicon) -> Option<Vec<Range<usize>>> {
    // A pattern that does not parse is reported by `deltaw bank check`; here it just never matches.
    patterns.iter().find_map(|pattern| {
        let pattern = parse(pattern, &|set| lexicon.has(set)).ok()?;
        find(&pattern, words, lexicon)
    })
}

/// The learner's words at `places`, neighbours joined.
fn quote(answer: &str, places: &[Range<usize>]) -> Vec<String> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for place in places {
        match joined.last_mut() {
            Some(last) if place.start <= last.end + 1 => last.end = last.end.max(place.end),
            _ => joined.push(place.clone()),
        }
    }
    joined.into_iter().filter_map(|place| answer.get(place)).map(str::to_owned).collect()
}

fn point_verdict(point: &Point, evidence: Vec<String>) -> PointVerdict {
    PointVerdict {
        id: point.id.clone(),
        text: point.text.clone(),
        required: point.required,
        evidence,
        probe: point.probe.clone(),
    }
}

fn caught(misconception: &Misconception, evidence: Vec<String>) -> Caught {
    Caught {
        id: misconception.id.clone(),
        text: misconception.text.clone(),
        correction: misconception.correction.clone(),
        decisive: misconception.decisive,
        evidence,
        demo: misconception.demo.clone(),
        claim: None,
    }
}

fn label(hit: &[PointVerdict], missed: &[PointVerdict], wrong: &[Caught], vague: bool) -> Label {
    if wrong.iter().any(|caught| caught.decisive) {
        return Label::Wrong;
    }
    let complete = missed.iter().all(|point| !point.required);
    if complete && wrong.is_empty() {
        Label::Correct
    } else if !hit.is_empty() || vague || !wrong.is_empty() {
        Label::Partial
    } else {
        Label::Wrong
    }
}

/// The weighted share of points (required ones weigh double), brought into the label's band: 0 to 0.25, 0.3 to 0.69, 0.7 to 1.
fn score(label: Label, hit: &[PointVerdict], missed: &[PointVerdict], wrong: &[Caught]) -> f64 {
    let weight =
        |points: &[PointVerdict]| points.iter().map(|point| if point.required { 2.0 } else { 1.0 }).sum::<f64>();
    let (earned, lost) = (weight(hit), weight(missed));
    let share = if earned + lost > 0.0 { earned / (earned + lost) } else { 0.0 };
    let share = (share - 0.1 * wrong.len() as f64).clamp(0.0, 1.0);
    let (low, high) = match label {
        Label::Wrong => (0.0, 0.25),
        Label::Partial => (0.3, 0.69),
        Label::Correct => (0.7, 1.0),
    };
    low + (high - low) * share
}
