//! One sitting: which question comes next, what an answer earns, what is written down.

use std::collections::HashMap;

use clap::ValueEnum;
use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::{
    bank::{Bank, Question},
    grade::{self, Instance, Lexicon},
    schedule::review,
    scorecard::Scorecard,
    store::{Answer, Store, StoreError},
    verdict::Verdict,
};

/// How the sitting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// What is due comes first, then what is new; corrections at once
    Practice,
    /// A timed interview that presses with follow-ups and ends in a scorecard
    Mock,
    /// Short and fast: no follow-ups, thirty seconds each
    Quickfire,
}

impl Mode {
    /// What the record calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Practice => "practice",
            Self::Mock => "mock",
            Self::Quickfire => "quickfire",
        }
    }
}

/// Which questions are asked.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these sections; empty for all.
    pub sections: Vec<String>,
    /// Only these difficulties; empty for all.
    pub difficulties: Vec<u8>,
    /// Only these ids, in this order; empty for all.
    pub ids: Vec<String>,
}

impl Filter {
    /// Whether `question` is among those asked.
    #[must_use]
    pub fn takes(&self, question: &Question) -> bool {
        (self.sections.is_empty() || self.sections.contains(&question.section))
            && (self.difficulties.is_empty() || self.difficulties.contains(&question.difficulty))
            && (self.ids.is_empty() || self.ids.contains(&question.id))
    }
}

/// A sitting in progress.
pub struct Session<'a> {
    bank: &'a Bank,
    lexicon: Lexicon,
    store: Store,
    mode: Mode,
    queue: Vec<Instance<'a>>,
    at: usize,
    given: Vec<Given<'a>>,
}

/// An answer that was given in this sitting.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// The question as it was put.
    pub instance: Instance<'a>,
    /// Number of the answer in the record.
    pub number: i64,
    /// What was recorded.
    pub answer: Answer,
    /// The judgement.
    pub verdict: Verdict,
}

impl<'a> Session<'a> {
    /// Chooses at most `count` questions. `seed` draws their numbers and, in mock and quickfire, their order.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn new(
        bank: &'a Bank,
        store: Store,
        mode: Mode,
        filter: &Filter,
        count: usize,
        seed: u64,
        now: i64,
    ) -> Result<Self, StoreError> {
        let mut chosen: Vec<&Question> = bank.questions.iter().filter(|question| filter.takes(question)).collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        if !filter.ids.is_empty() {
            chosen.sort_by_key(|question| filter.ids.iter().position(|id| *id == question.id));
        } else if mode == Mode::Practice {
            let mut due = HashMap::new();
            for question in &chosen {
                due.insert(question.id.as_str(), store.card(&question.id)?.map(|card| card.due));
            }
            // Due ones by how long they are due, new ones in the bank's order, the rest by when they will be due.
            chosen.sort_by_key(|question| match due.get(question.id.as_str()).copied().flatten() {
                Some(due) if due <= now => (0, due),
                None => (1, 0),
                Some(due) => (2, due),
            });
        } else {
            chosen.shuffle(&mut random);
        }
        chosen.truncate(count);
        // Seeds of questions stay small, so that they can be typed again with `deltaw grade --seed`.
        let queue =
            chosen.into_iter().map(|question| Instance::draw(question, random.random_range(0..1_000_000))).collect();
        Ok(Self { bank, lexicon: Lexicon::new(bank), store, mode, queue, at: 0, given: Vec::new() })
    }

    /// The same sitting, graded with another lexicon of its bank.
    #[must_use]
    pub fn grading(mut self, lexicon: Lexicon) -> Self {
        self.lexicon = lexicon;
        self
    }

    /// The mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The question that is open, if there is one left.
    #[must_use]
    pub fn current(&self) -> Option<&Instance<'a>> {
        self.queue.get(self.at)
    }

    /// Which one it is, from 1, and of how many.
    #[must_use]
    pub fn position(&self) -> (usize, usize) {
        (self.at + 1, self.queue.len())
    }

    /// What was answered in this sitting, oldest first.
    #[must_use]
    pub fn given(&self) -> &[Given<'a>] {
        &self.given
    }

    /// The record.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Judges `typed`, writes it down durably and moves on. Without an open question there is nothing to judge.
    ///
    /// # Errors
    /// The record cannot be written; then the question stays open.
    pub fn answer(&mut self, typed: &str, seconds: f64, now: i64) -> Result<Option<&Given<'a>>, StoreError> {
        let Some(instance) = self.current().cloned() else { return Ok(None) };
        let verdict = grade::grade(&instance, &self.lexicon, typed);
        let answer = Answer {
            at: now,
            mode: self.mode.name().to_owned(),
            question: instance.question.id.clone(),
            section: instance.question.section.clone(),
            seed: i64::try_from(instance.seed).unwrap_or(0),
            answer: typed.to_owned(),
            label: verdict.label,
            score: verdict.score,
            seconds,
            disputed: false,
        };
        let card = self.store.card(&answer.question)?;
        let next = review(card.as_ref(), verdict.label, now).or_else(|_| review(None, verdict.label, now)).ok();
        let number = self.store.record(&answer, next.as_ref())?;
        self.given.push(Given { instance, number, answer, verdict });
        self.at += 1;
        Ok(self.given.last())
    }

    /// Judges the last answer again together with what was said when pressed; a better judgement replaces the old one.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn add(&mut self, said: &str, now: i64) -> Result<Option<&Given<'a>>, StoreError> {
        let Some(last) = self.given.last_mut() else { return Ok(None) };
        let whole = format!("{}. {said}", last.answer.answer);
        let verdict = grade::grade(&last.instance, &self.lexicon, &whole);
        if verdict.score > last.verdict.score {
            let answer =
                Answer { answer: whole, label: verdict.label, score: verdict.score, at: now, ..last.answer.clone() };
            let number = self.store.record(&answer, None)?;
            *last = Given { instance: last.instance.clone(), number, answer, verdict };
        }
        Ok(self.given.last())
    }

    /// Whether `reply` says what one of `patterns` asks for.
    #[must_use]
    pub fn accepts(&self, patterns: &[String], reply: &str) -> bool {
        grade::accepts(patterns, &self.lexicon, reply)
    }

    /// Passes over the open question.
    pub fn skip(&mut self) {
        self.at = (self.at + 1).min(self.queue.len());
    }

    /// Opens the question before; false at the first.
    pub fn back(&mut self) -> bool {
        let moved = self.at > 0;
        self.at -= usize::from(moved);
        moved
    }

    /// Puts `question` next; the open one comes after it.
    pub fn go(&mut self, question: &'a Question) {
        let seed = self.queue.len() as u64 + 1;
        self.queue.insert(self.at, Instance::draw(question, seed));
    }

    /// Records that the last judgement is disputed; the question's id, or none without an answer.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn dispute(&mut self, now: i64) -> Result<Option<String>, StoreError> {
        let Some(last) = self.given.last() else { return Ok(None) };
        self.store.dispute(last.number, now)?;
        Ok(Some(last.instance.question.id.clone()))
    }

    /// How this sitting went.
    #[must_use]
    pub fn scorecard(&self) -> Scorecard {
        let answers: Vec<Answer> = self.given.iter().map(|given| given.answer.clone()).collect();
        Scorecard::new(self.bank, &answers)
    }
}
