//! A bank's lexicon, ready for matching, and the vocabulary against which typos are corrected.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use strsim::damerau_levenshtein;

use super::{
    meaning::Encoder,
    pattern::{Alternative, Pattern, Word, parse, phrase},
    token::Token,
    wordings::Shelf,
};
use crate::quiz::bank::Bank;

/// Shortest word that is corrected, in letters; shorter ones are too often other words.
const SHORTEST: usize = 6;

/// From this length on, two slips are forgiven.
const LONG: usize = 10;

/// The lexicon of a bank.
#[derive(Debug, Default)]
pub struct Lexicon {
    sets: BTreeMap<String, Vec<Vec<Word>>>,
    vocabulary: HashSet<String>,
    /// The vocabulary by first letter, longest lists kept short by it.
    by_letter: BTreeMap<char, Vec<String>>,
    pub(super) shelf: Shelf,
}

impl Lexicon {
    /// Compiles the lexicon of `bank` and gathers the words of all its patterns.
    #[must_use]
    pub fn new(bank: &Bank) -> Self {
        let mut lexicon = Self::default();
        for (name, phrases) in &bank.lexicon {
            let words: Vec<Vec<Word>> = phrases.iter().filter_map(|text| phrase(text).ok()).collect();
            words.iter().flatten().for_each(|word| lexicon.learn(word));
            lexicon.sets.insert(name.clone(), words);
        }
        for question in &bank.questions {
            let Some(rubric) = &question.rubric else { continue };
            let accept = rubric.points.iter().flat_map(|point| &point.accept);
            let detect = rubric.misconceptions.iter().flat_map(|misconception| &misconception.detect);
            for pattern in accept.chain(detect).chain(&rubric.vague) {
                if let Ok(pattern) = parse(pattern, &|_| true) {
                    lexicon.learn_pattern(&pattern);
                }
            }
        }
        let mut words: Vec<String> = lexicon.vocabulary.iter().cloned().collect();
        words.sort_unstable();
        for word in words {
            if let Some(first) = word.chars().next() {
                lexicon.by_letter.entry(first).or_default().push(word);
            }
        }
        lexicon
    }

    /// The same, but `answers` are not among the answers whose label is known: for figures on files that the known answers come from.
    #[must_use]
    pub fn forgetting(mut self, answers: impl IntoIterator<Item = String>) -> Self {
        self.shelf.forgotten.extend(answers);
        self
    }

    /// The same with another encoder than the one that ships.
    #[must_use]
    pub fn encoding(mut self, encoder: Arc<dyn Encoder>) -> Self {
        self.shelf.encoder = Some(encoder);
        self
    }

    /// Whether the bank has a set of this name.
    #[must_use]
    pub fn has(&self, set: &str) -> bool {
        self.sets.contains_key(set)
    }

    pub(super) fn set(&self, name: &str) -> &[Vec<Word>] {
        self.sets.get(name).map_or(&[], Vec::as_slice)
    }

    fn learn_pattern(&mut self, pattern: &Pattern) {
        for item in pattern.groups.iter().flat_map(|group| &group.items) {
            for (_, alternative) in &item.alternatives {
                if let Alternative::Phrase(words) = alternative {
                    words.iter().for_each(|word| self.learn(word));
                }
            }
        }
    }

    fn learn(&mut self, word: &Word) {
        if let Word::Stem(stem) = word {
            self.vocabulary.insert(stem.clone());
        }
    }

    /// Replaces misspelt field words by what they were meant to be.
    pub(super) fn correct(&self, tokens: &mut [Token]) {
        for token in tokens {
            let letters = token.text.len();
            if letters < SHORTEST
                || !token.text.is_ascii()
                || token.number.is_some()
                || self.vocabulary.contains(&token.text)
            {
                continue;
            }
            let slips = if letters >= LONG { 2 } else { 1 };
            let Some(first) = token.text.chars().next() else { continue };
            let candidates = self.by_letter.get(&first).map_or(&[][..], Vec::as_slice);
            let nearest = candidates
                .iter()
                .filter(|word| word.len() + 1 >= SHORTEST && word.len().abs_diff(letters) <= slips)
                .map(|word| (damerau_levenshtein(word, &token.text), word))
                .filter(|(distance, _)| *distance <= slips)
                .min();
            if let Some((_, word)) = nearest {
                token.text.clone_from(word);
            }
        }
    }
}
