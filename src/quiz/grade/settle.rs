//! Moves the label from what patterns say to what all evidence says, and says why.

use super::{
    likeness::Target,
    text::{caught, quote},
    weigh::Compared,
};
use crate::quiz::{
    bank::Rubric,
    verdict::{Label, Verdict},
};

/// From this likeness on a sentence counts as saying what a known wording says.
const ALIKE: f32 = 0.4;

const UNCLEAR: &str = "Near, but not said clearly enough to be sure of it.";

const CONFLICT: &str =
    "The rest of it reads as right and contradicts this. An interviewer would ask which of the two you mean.";

/// Moves the label to `label` and says why.
pub(super) fn settle(verdict: &mut Verdict, rubric: &Rubric, compared: &Compared, read: &str, label: Label) {
    if verdict.misconceptions.iter().any(|caught| caught.decisive) {
        if label > verdict.label {
            verdict.notes.push(CONFLICT.to_owned());
        }
    } else if label > verdict.label {
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
    if verdict.hit.is_empty() {
        verdict.notes.push(UNCLEAR.to_owned());
    }
}

/// The wrong statement that the answer is like is named, with its correction where it is a listed belief. Who said all that was asked for is not
/// told that they believe the opposite: likeness does not see who does what.
fn lower(verdict: &mut Verdict, rubric: &Rubric, compared: &Compared, read: &str, label: Label) {
    if verdict.label == Label::Correct {
        return verdict.notes.push(UNCLEAR.to_owned());
    }
    let best = compared.best(|target| matches!(target, Target::Misconception(_)));
    let Some((value, place, _)) = best else { return };
    let like = |id: &str| compared.best(|target| matches!(target, Target::Misconception(other) if other == id));
    let belief = rubric.misconceptions.iter().find(|m| like(&m.id).is_some_and(|(other, _, _)| other >= value));
    match belief {
        Some(belief) if value > ALIKE && verdict.misconceptions.iter().all(|caught| caught.id != belief.id) => {
            verdict.misconceptions.push(caught(belief, quote(read, &[place])));
        }
        _ if label == Label::Partial => verdict.notes.push(UNCLEAR.to_owned()),
        _ => verdict.notes.push("Words of the topic, but not what was asked for.".to_owned()),
    }
}
