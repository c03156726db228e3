//! Progress as JSON: out of one machine, into another.

use serde::{Deserialize, Serialize};

use super::{Answer, Store, StoreError, insert, put_card};
use crate::quiz::schedule::Card;

/// All of a learner's progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Version of this format; 1.
    pub version: u32,
    /// All answers, oldest first.
    pub answers: Vec<Answer>,
    /// When each question is due, by id.
    pub cards: Vec<(String, Card)>,
}

impl Store {
    /// Everything on record.
    ///
    /// # Errors
    /// The database failed.
    pub fn export(&self) -> Result<Progress, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT question, stability, difficulty, last, due FROM cards ORDER BY question")?;
        let rows = statement.query_map([], |row| {
            Ok((
                row.get(0)?,
                Card { stability: row.get(1)?, difficulty: row.get(2)?, last: row.get(3)?, due: row.get(4)? },
            ))
        })?;
        Ok(Progress { version: 1, answers: self.answers()?, cards: rows.collect::<Result<_, _>>()? })
    }

    /// Adds `progress`, in one transaction. Answers that are there already stay single; of two cards the later reviewed wins.
    /// Returns how many answers were new.
    ///
    /// # Errors
    /// The progress holds impossible values, or the database failed; then nothing was written.
    pub fn import(&mut self, progress: &Progress) -> Result<usize, StoreError> {
        if progress.version != 1 {
            return Err(StoreError::Import(format!("version {} is not 1; update deltaw", progress.version)));
        }
        let fine =
            |card: &Card| card.stability > 0.0 && card.stability.is_finite() && (1.0..=10.0).contains(&card.difficulty);
        if let Some((question, _)) = progress.cards.iter().find(|(_, card)| !fine(card)) {
            return Err(StoreError::Import(format!(
                "the card of {question} has impossible values; nothing was imported"
            )));
        }
        if let Some(answer) =
            progress.answers.iter().find(|a| !(0.0..=1.0).contains(&a.score) || !a.seconds.is_finite())
        {
            return Err(StoreError::Import(format!(
                "an answer to {} has impossible values; nothing was imported",
                answer.question
            )));
        }
        let known = self.answers()?;
        let mut added = 0;
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for answer in &progress.answers {
            let same = |other: &Answer| {
                (other.at, &other.question, &other.answer) == (answer.at, &answer.question, &answer.answer)
            };
            if known.iter().any(same) {
                continue;
            }
            let number = insert(&transaction, answer)?;
            if answer.disputed {
                transaction.execute("INSERT INTO disputes VALUES (?1, ?2)", (number, answer.at))?;
            }
            added += 1;
        }
        for (question, card) in &progress.cards {
            let sql = "SELECT COUNT(*) FROM cards WHERE question = ?1 AND last >= ?2";
            let newer: i64 = transaction.query_row(sql, (question, card.last), |row| row.get(0))?;
            if newer == 0 {
                put_card(&transaction, question, card)?;
            }
        }
        transaction.commit()?;
        Ok(added)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::{
        fs,
        sync::{Arc, Barrier},
    };

    use super::*;
    use crate::quiz::verdict::Label;

    fn answer(question: &str, at: i64) -> Answer {
        Answer {
            at,
            mode: "practice".into(),
            question: question.into(),
            section: "lora".into(),
            seed: 3,
            answer: "B starts at zero".into(),
            label: Label::Correct,
            score: 0.9,
            seconds: 12.5,
            disputed: false,
        }
    }

    #[test]
    fn export_and_import_round_trip() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut store = Store::open(first.path()).unwrap();
        let card = Card { stability: 2.5, difficulty: 5.0, last: 100, due: 200 };
        let number = store.record(&answer("g07", 100), Some(&card)).unwrap();
        store.record(&answer("g08", 101), None).unwrap();
        store.dispute(number, 102).unwrap();
        let progress = store.export().unwrap();
        let text = serde_json::to_string(&progress).unwrap();
        let mut other = Store::open(second.path()).unwrap();
        assert_eq!(other.import(&serde_json::from_str(&text).unwrap()).unwrap(), 2);
        assert_eq!(other.export().unwrap(), progress);
        assert_eq!(other.import(&progress).unwrap(), 0);
        assert_eq!(other.export().unwrap(), progress);
        let broken = Progress { cards: vec![("g07".into(), Card { stability: f64::NAN, ..card })], ..progress };
        assert!(matches!(other.import(&broken), Err(StoreError::Import(_))));
    }

    #[test]
    fn an_unreadable_database_is_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("progress.db"), vec![b'x'; 9000]).unwrap();
        let mut store = Store::open(directory.path()).unwrap();
        let aside = store.set_aside().unwrap().to_owned();
        assert_eq!(fs::read(aside).unwrap(), vec![b'x'; 9000]);
        store.record(&answer("g07", 1), None).unwrap();
        assert!(Store::open(directory.path()).unwrap().set_aside().is_none());
    }

    #[test]
    fn two_sessions_at_once_lose_nothing() {
        // Sixteen new records: sessions that start together most easily get in each other's way while the file is made.
        for _ in 0..16 {
            let directory = tempfile::tempdir().unwrap();
            let together = Arc::new(Barrier::new(4));
            let write = |session: i64| {
                let (path, together) = (directory.path().to_owned(), Arc::clone(&together));
                std::thread::spawn(move || {
                    together.wait();
                    let mut store = Store::open(&path).unwrap();
                    for at in 0..5 {
                        store.record(&answer("g07", session * 1000 + at), None).unwrap();
                    }
                })
            };
            let threads: Vec<_> = (0..4).map(write).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(Store::open(directory.path()).unwrap().answers().unwrap().len(), 20);
        }
    }
}
