//! When to ask again: FSRS-6 (the free spaced repetition scheduler) with its published default parameters.

use fsrs::{FSRS, MemoryState};
use serde::{Deserialize, Serialize};

use super::verdict::Label;

/// The share of answers that should still be known when a question comes up again.
const RETENTION: f32 = 0.9;

const DAY: i64 = 86_400;

/// What is remembered about one question.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Days until the chance to know it has fallen to nine in ten.
    pub stability: f64,
    /// 1 to 10.
    pub difficulty: f64,
    /// Last asked, in seconds since 1970.
    pub last: i64,
    /// Due, in seconds since 1970.
    pub due: i64,
}

/// The card after an answer judged `label` at `now`. A thin answer counts as hard, a wrong one as forgotten.
///
/// # Errors
/// The scheduler refuses the state, as it does for impossible values from a tampered record.
pub fn review(card: Option<&Card>, label: Label, now: i64) -> Result<Card, String> {
    let scheduler = FSRS::new(&[]).map_err(|error| error.to_string())?;
    let state = card.map(|card| MemoryState { stability: card.stability as f32, difficulty: card.difficulty as f32 });
    let elapsed = card.map_or(0, |card| u32::try_from((now - card.last).max(0) / DAY).unwrap_or(u32::MAX));
    let next = scheduler.next_states(state, RETENTION, elapsed).map_err(|error| error.to_string())?;
    let chosen = match label {
        Label::Wrong => next.again,
        Label::Partial => next.hard,
        Label::Correct => next.good,
    };
    // A wrong answer comes up again in ten minutes, whatever the scheduler's day count.
    let wait = if label == Label::Wrong { 600 } else { (f64::from(chosen.interval).max(0.25) * DAY as f64) as i64 };
    Ok(Card {
        stability: f64::from(chosen.memory.stability),
        difficulty: f64::from(chosen.memory.difficulty),
        last: now,
        due: now.saturating_add(wait),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn right_answers_move_further_away_and_wrong_ones_come_back() {
        let first = review(None, Label::Correct, 0).unwrap();
        let second = review(Some(&first), Label::Correct, first.due).unwrap();
        assert!(second.due - second.last > first.due - first.last);
        let lapse = review(Some(&second), Label::Wrong, second.due).unwrap();
        assert_eq!(lapse.due - lapse.last, 600);
        assert!(lapse.stability < second.stability);
        let thin = review(Some(&first), Label::Partial, first.due).unwrap();
        assert!(thin.due - thin.last < second.due - second.last);
    }
}
