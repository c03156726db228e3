//! Tasks that ship: records to train on and held-out ones, generated from seeds or a public lexicon.

mod meeting;
mod polarity;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{
    data::Record,
    skills::{self, NEW, Skill},
};

/// A task.
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// Its name.
    pub name: &'static str,
    /// What is to be learnt, and what is held out.
    pub about: &'static str,
    /// The base it is made for.
    pub base: &'static str,
    /// Where its content comes from, and its licence.
    pub source: &'static str,
    records: fn(held_out: bool) -> Vec<Record>,
}

/// All tasks.
#[must_use]
pub fn all() -> Vec<Task> {
    let skill = |skill: &Skill, records| Task {
        name: skill.name,
        about: skill.about,
        base: "tiny",
        source: "generated; inputs are held out by their hash",
        records,
    };
    let [revup, prev, twice] = &NEW;
    vec![
        skill(revup, |held_out| examples(NEW[0], held_out)),
        skill(prev, |held_out| examples(NEW[1], held_out)),
        skill(twice, |held_out| examples(NEW[2], held_out)),
        polarity::TASK,
        meeting::TASK,
    ]
}

impl Task {
    /// The task of this name.
    ///
    /// # Errors
    /// There is none; the message lists them.
    pub fn named(name: &str) -> Result<Self, String> {
        let all = all();
        all.iter().find(|task| task.name == name).copied().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|task| task.name).collect();
            format!("no task is called `{name}`; there are {}", names.join(", "))
        })
    }

    /// Records to train on.
    #[must_use]
    pub fn train(&self) -> Vec<Record> {
        (self.records)(false)
    }

    /// Records to judge by; no input of theirs is among those to train on.
    #[must_use]
    pub fn held_out(&self) -> Vec<Record> {
        (self.records)(true)
    }
}

/// Examples of a skill, to train on and held out.
const COUNTS: (usize, usize) = (4000, 200);

fn examples(skill: Skill, held_out: bool) -> Vec<Record> {
    let (count, seed) = if held_out { (COUNTS.1, 2) } else { (COUNTS.0, 1) };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let drawn = (0..count).filter_map(|_| skills::draw(&[skill], &mut rng, held_out));
    drawn.map(|(prompt, completion)| Record::completion(prompt, completion)).collect()
}

/// FNV-1a, so that what is held out never changes.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use super::*;

    fn input(record: &Record) -> String {
        match record {
            Record::Completion { prompt, .. } => prompt.clone(),
            Record::Chat { messages } => messages[..messages.len() - 1].iter().map(|m| m.content.clone()).collect(),
            Record::Text { text } => text.clone(),
        }
    }

    #[test]
    fn no_held_out_input_is_ever_trained_on() {
        for task in all() {
            let train: BTreeSet<String> = task.train().iter().map(input).collect();
            let held: Vec<String> = task.held_out().iter().map(input).collect();
            assert!(train.len() >= 500 && held.len() >= 100, "{}: {} {}", task.name, train.len(), held.len());
            assert!(held.iter().all(|input| !train.contains(input)), "{}", task.name);
            assert_eq!(task.train(), task.train(), "{} is generated the same every time", task.name);
        }
        assert!(Task::named("nonsense").unwrap_err().contains("polarity"));
    }
}
