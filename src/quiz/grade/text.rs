//! Free text against a rubric: points hit, misconceptions caught, label and score.

use std::ops::Range;

use super::{
    guard::{self, Guard},
    head::{self, Features},
    lexicon::Lexicon,
    likeness::{Target, Wordings},
    matcher::find,
    pattern::parse,
    stance,
    token::{Token, tokens},
    weigh::{Compared, Trace},
};
use crate::quiz::{
    bank::{Misconception, Point, Question, Rubric},
    verdict::{Caught, Label, PointVerdict, Verdict},
};

/// The most of an answer that is read, in characters.
const READ: usize = 20_000;

/// From this likeness on a sentence counts as saying what a known wording says.
const ALIKE: f32 = 0.4;

/// The most tokens that are read.
const TOKENS: usize = 6_000;

/// Grades `answer` to `question` by its `rubric`.
pub(super) fn grade(rubric: &Rubric, question: &Question, lexicon: &Lexicon, answer: &str) -> Verdict {
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
        false => guard::check(read, &words, &question.text),
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

    let wordings = lexicon.shelf.of(question, lexicon);
    let compared = Compared::new(&words, &wordings);
    let (mut hit, mut missed) = (Vec::new(), Vec::new());
    for point in &rubric.points {
        let plainly = || compared.plainly(&Target::Point(point.id.clone())).map(|place| vec![place]);
        match matched(&point.accept, &words, lexicon).or_else(plainly) {
            Some(places) => hit.push(point_verdict(point, quote(read, &places))),
            None => missed.push(point_verdict(point, Vec::new())),
        }
    }
    let believed = |m: &Misconception| {
        let plainly = || compared.plainly(&Target::Misconception(m.id.clone())).map(|place| vec![place]);
        matched(&m.detect, &words, lexicon).or_else(plainly)
    };
    let misconceptions: Vec<Caught> = rubric
        .misconceptions
        .iter()
        .filter_map(|m| believed(m).map(|places| caught(m, quote(read, &places))))
        .collect();
    let vague = matched(&rubric.vague, &words, lexicon).is_some();

    let by_patterns = label(&hit, &missed, &misconceptions, vague);
    let mut verdict = Verdict { label: by_patterns, score: 0.0, hit, missed, misconceptions, notes, trace: None };
    if guard.is_none() {
        weigh_up(&mut verdict, rubric, &compared, &wordings, (read, &words));
    }
    verdict.score = score(verdict.label, &verdict.hit, &verdict.missed, &verdict.misconceptions);
    verdict
}

/// Weighs likeness to known wordings in. It may move the label, but never away from a decisive wrong belief that was detected.
fn weigh_up(
    verdict: &mut Verdict,
    rubric: &Rubric,
    compared: &Compared,
    wordings: &Wordings,
    (read, words): (&str, &[Token]),
) {
    let spell = |token: &Token| match token.negated_by.is_some() != token.denied {
        true => format!("!{}", token.text),
        false => token.text.clone(),
    };
    let mut trace = Trace { tokens: words.iter().map(spell).collect(), ..Trace::default() };
    trace.alike = compared.alike(read, wordings);
    if wordings.rich && !words.is_empty() {
        let found = |id: &str| verdict.hit.iter().any(|point| point.id == id);
        let required = rubric.points.iter().filter(|point| point.required).count().max(1) as f32;
        let patterns = Features {
            label: f32::from(verdict.label.number()),
            required: verdict.hit.iter().filter(|point| point.required).count() as f32 / required,
            depth: verdict.hit.iter().filter(|point| !point.required).count() as f32,
            wrong: verdict.misconceptions.iter().filter(|caught| !caught.decisive).count() as f32,
            ..Features::default()
        };
        trace.features = compared.features(rubric, &found, patterns);
        if !verdict.misconceptions.iter().any(|caught| caught.decisive) {
            trace.expected = Some(head::expected(&trace.features));
        }
        if let Some(expected) = trace.expected {
            let label = head::settle(verdict.label, expected);
            settle(verdict, rubric, compared, read, label);
        }
    }
    verdict.trace = Some(trace);
}

/// Moves the label to `label` and says why.
fn settle(verdict: &mut Verdict, rubric: &Rubric, compared: &Compared, read: &str, label: Label) {
    if label > verdict.label {
        raise(verdict, compared, read, label);
    } else if label < verdict.label {
        lower(verdict, rubric, compared, read, label);
    }
    verdict.label = label;
}

/// Points that no pattern found but a known wording shows are credited.
fn raise(verdict: &mut Verdict, compared: &Compared, read: &str, label: Label) {
    let (credited, missed): (Vec<_>, Vec<_>) = std::mem::take(&mut verdict.missed)
        .into_iter()
        .partition(|point| (label == Label::Correct && point.required) || compared.point(&point.id) > ALIKE);
    verdict.missed = missed;
    for mut point in credited {
        let best = compared.best(|target| matches!(target, Target::Point(id) if *id == point.id));
        point.evidence = best.map(|(_, place, _)| quote(read, &[place])).unwrap_or_default();
        verdict.hit.push(point);
    }
}

/// The wrong statement that the answer is like is named, with its correction where it is a listed belief.
fn lower(verdict: &mut Verdict, rubric: &Rubric, compared: &Compared, read: &str, label: Label) {
    let best = compared.best(|target| matches!(target, Target::Misconception(_)));
    let Some((value, place, _)) = best else { return };
    let like = |id: &str| compared.best(|target| matches!(target, Target::Misconception(other) if other == id));
    let belief = rubric.misconceptions.iter().find(|m| like(&m.id).is_some_and(|(other, _, _)| other >= value));
    match belief {
        Some(belief) if value > ALIKE && verdict.misconceptions.iter().all(|caught| caught.id != belief.id) => {
            verdict.misconceptions.push(caught(belief, quote(read, &[place])));
        }
        _ if label == Label::Partial => {
            verdict.notes.push("Near, but not said clearly enough to be sure of it.".to_owned())
        }
        _ => verdict.notes.push("Words of the topic, but not what was asked for.".to_owned()),
    }
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
