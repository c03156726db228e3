//! Free text against a rubric: points hit, misconceptions caught, label and score.

use std::ops::Range;

use super::{
    features::Features,
    guard::{self, Guard},
    head::Head,
    lexicon::Lexicon,
    likeness::Target,
    matcher::find,
    meaning::Encoder,
    pattern::parse,
    settle, stance,
    token::{Token, tokens},
    weigh::{self, Compared, Trace},
    wordings::{Known, Shelf},
};
use crate::quiz::{
    bank::{Misconception, Point, Question, Rubric},
    verdict::{Caught, Label, PointVerdict, Verdict},
};

/// The most of an answer that is read, in characters.
const READ: usize = 20_000;

/// From this share of its words on an answer is little else than the points it was asked for.
const FIRM: f32 = 0.6;

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

    let known = lexicon.shelf.of(question, lexicon);
    let compared = Compared::new(&words, &known.wordings);
    let (mut hit, mut missed, mut covered) = (Vec::new(), Vec::new(), Vec::new());
    for point in &rubric.points {
        let plainly = || compared.plainly(&Target::Point(point.id.clone())).map(|place| vec![place]);
        match matched(&point.accept, &words, lexicon).or_else(plainly) {
            Some(places) => {
                hit.push(point_verdict(point, quote(read, &places)));
                covered.extend(places);
            }
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
        weigh_up(&mut verdict, rubric, (&lexicon.shelf, &known), &compared, (read, &words), share(&covered, &words));
    }
    verdict.score = score(verdict.label, &verdict.hit, &verdict.missed, &verdict.misconceptions);
    verdict
}

/// Weighs likeness and nearness in. They may move the label, but with a decisive wrong belief that was detected no answer becomes right.
fn weigh_up(
    verdict: &mut Verdict,
    rubric: &Rubric,
    (shelf, known): (&Shelf, &Known),
    compared: &Compared,
    (read, words): (&str, &[Token]),
    covered: f32,
) {
    let spell = |token: &Token| match token.turned() {
        true => format!("!{}", token.text),
        false => token.text.clone(),
    };
    let mut trace = Trace { tokens: words.iter().map(spell).collect(), ..Trace::default() };
    trace.alike = compared.alike(read, &known.wordings);
    if known.wordings.rich && !words.is_empty() {
        let found = |id: &str| verdict.hit.iter().any(|point| point.id == id);
        let likenesses: Vec<(&Target, f32)> = known.all.each(words).collect();
        let needed = rubric.points.iter().filter(|point| point.required).count() as f32;
        let wrong = |decisive: bool| verdict.misconceptions.iter().filter(|m| m.decisive == decisive).count() as f32;
        let patterns = Features {
            label: f32::from(verdict.label.number()),
            required: verdict.hit.iter().filter(|point| point.required).count() as f32 / needed.max(1.0),
            depth: verdict.hit.iter().filter(|point| !point.required).count() as f32,
            wrong: wrong(false),
            fatal: wrong(true),
            missed: verdict.missed.len() as f32,
            points: rubric.points.len() as f32,
            needed,
            words: read.split_whitespace().count() as f32,
            answers: weigh::answers(likenesses.iter().copied()),
            covered,
            negated: words.iter().filter(|word| word.turned()).count() as f32 / words.len() as f32,
            ..Features::default()
        };
        trace.features = compared.features(rubric, &found, patterns);
        let encoder = shelf.encoder();
        let mut near = None;
        if let (Some(encoder), Some(meanings)) = (encoder, &known.meanings) {
            // Words to the grader and confessions of ignorance are not part of what is compared.
            let said = said(read, words);
            if let Ok(cosines) = meanings.compare(encoder, &said) {
                trace.features.meaning = weigh::meaning(rubric, &cosines);
                near = Some(cosines.into_iter().map(|(_, cosine)| cosine).collect::<Vec<_>>());
            }
        }
        let alike: Vec<f32> = likenesses.iter().map(|(_, likeness)| *likeness).collect();
        trace.features.suggested = known.ridge.label(&weigh::mixed(&alike, near.as_deref()));
        let head = Head::of(encoder.is_none_or(Encoder::compact));
        let expected = head.expected(&trace.features);
        trace.expected = Some(expected);
        let fatal = verdict.misconceptions.iter().any(|caught| caught.decisive);
        // Likeness has nothing to say against an answer that is little else than the points themselves: it does not see who does what.
        let firm = verdict.label == Label::Correct && covered >= FIRM;
        if !firm {
            settle::settle(
                verdict,
                rubric,
                compared,
                read,
                head.settle(fatal, verdict.label == Label::Correct, expected),
            );
        }
        // The weakest point comes first: it is what an interviewer asks for.
        verdict.missed.sort_by(|a, b| {
            b.required.cmp(&a.required).then_with(|| compared.point(&a.id).total_cmp(&compared.point(&b.id)))
        });
    }
    verdict.trace = Some(trace);
}

/// The share of words that stand in `places`.
fn share(places: &[Range<usize>], words: &[Token]) -> f32 {
    words.iter().filter(|word| within(places, word)).count() as f32 / words.len().max(1) as f32
}

/// The parts of `read` that stand between its first counted word and its last, without what was struck out between them.
fn said(read: &str, words: &[Token]) -> String {
    let mut parts = String::new();
    for sentence in words.chunk_by(|a, b| a.sentence == b.sentence) {
        let (Some(first), Some(last)) = (sentence.first(), sentence.last()) else { continue };
        parts.push_str(read.get(first.range.start..last.range.end).unwrap_or_default());
        parts.push_str(". ");
    }
    parts
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
pub(super) fn quote(answer: &str, places: &[Range<usize>]) -> Vec<String> {
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

pub(super) fn caught(misconception: &Misconception, evidence: Vec<String>) -> Caught {
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
