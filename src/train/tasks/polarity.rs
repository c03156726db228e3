//! Is a word positive or negative? From the VADER lexicon (Hutto & Gilbert 2014, ICWSM), whose words people rated; MIT licence.
//!
//! Held out are whole families: words that share their first four letters are all on one side of the split, so that no inflection of a
//! held-out word was seen.

use rand::{SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::{Task, hash};
use crate::train::data::Record;

/// Words with `positive` or `negative`; made by xtask/tasks/polarity.py.
const WORDS: &str = include_str!("../../../assets/tasks/polarity.tsv");

/// One family in this many is held out.
const HELD_OUT: u64 = 6;

/// Held-out words of each side.
const SIDE: usize = 100;

pub(super) const TASK: Task = Task {
    name: "polarity",
    about: "say whether a word is positive or negative; families of words are held out",
    base: "smollm2",
    source: "VADER lexicon, MIT (assets/tasks/polarity.LICENSE)",
    records,
};

fn records(held_out: bool) -> Vec<Record> {
    let mut words: Vec<(&str, &str)> = WORDS
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(word, _)| (hash(word.get(..4).unwrap_or(word)) >> 32).is_multiple_of(HELD_OUT) == held_out)
        .collect();
    words.shuffle(&mut ChaCha8Rng::seed_from_u64(3));
    if held_out {
        // As many of each side, so that guessing is right half the time.
        let side = |side: &'static str| words.iter().copied().filter(move |(_, is)| *is == side).take(SIDE);
        words = side("positive").chain(side("negative")).collect();
    }
    words
        .into_iter()
        .map(|(word, side)| Record::completion(format!("Word: {word}\nTone:"), format!(" {side}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_held_out_words_are_balanced() {
        let positive = records(true)
            .iter()
            .filter(|r| matches!(r, Record::Completion { completion, .. } if completion == " positive"))
            .count();
        assert_eq!((positive, records(true).len()), (SIDE, 2 * SIDE));
    }
}
