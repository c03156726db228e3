//! `course.yaml`: which exercises there are, in which order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::quiz::bank::Bank;

/// Hints that every exercise has.
pub const HINTS: usize = 3;

/// A course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// Version of this format; 1.
    pub version: u32,
    /// What the course calls itself.
    pub title: String,
    /// Its exercises in order.
    pub exercises: Vec<Exercise>,
}

/// An exercise, as the course lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    /// Two digits and a name, such as `05_dora_norm`: its folder.
    pub id: String,
    /// The section of the curriculum: one of the bank's.
    pub section: String,
    /// In a few words.
    pub title: String,
    /// What its public and hidden tests are worth together.
    pub points: u32,
    /// How long it takes, roughly.
    pub minutes: u32,
    /// Questions of the bank that it prepares for.
    pub questions: Vec<String>,
}

impl Course {
    /// Reads `course.yaml`.
    ///
    /// # Errors
    /// It is no YAML of this format; says where.
    pub fn parse(text: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(text)
    }

    /// The exercise of this id, or of this number (`5`, `05`).
    #[must_use]
    pub fn find(&self, wanted: &str) -> Option<&Exercise> {
        let number: Option<u32> = wanted.parse().ok();
        let numbered = |id: &str| number.is_some() && id.get(..2).and_then(|digits| digits.parse().ok()) == number;
        self.exercises.iter().find(|exercise| exercise.id == wanted || numbered(&exercise.id))
    }

    /// What is wrong with the list: ids, sections and questions that `bank` does not have.
    #[must_use]
    pub fn faults(&self, bank: &Bank) -> Vec<String> {
        let mut faults = Vec::new();
        if self.version != 1 {
            faults.push(format!("version is {}, this program reads 1", self.version));
        }
        let (mut ids, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for exercise in &self.exercises {
            let id = &exercise.id;
            if !well_named(id) {
                faults.push(format!("{id}: an id is two digits, `_`, and lower-case letters, digits or `_`"));
            }
            if !ids.insert(id) || !numbers.insert(id.get(..2)) {
                faults.push(format!("{id}: there is another exercise of that id or number"));
            }
            if !bank.sections.iter().any(|section| section.id == exercise.section) {
                faults.push(format!("{id}: the bank has no section `{}`", exercise.section));
            }
            if exercise.questions.is_empty() {
                faults.push(format!("{id}: names no question that it prepares for"));
            }
            for question in &exercise.questions {
                if !bank.questions.iter().any(|known| known.id == *question) {
                    faults.push(format!("{id}: the bank has no question `{question}`"));
                }
            }
        }
        faults
    }
}

fn well_named(id: &str) -> bool {
    let bytes = id.as_bytes();
    let letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    bytes.len() > 3 && bytes[..2].iter().all(u8::is_ascii_digit) && bytes[2] == b'_' && bytes[3..].iter().all(letter)
}

/// The hints of a `hints.md`: the texts under its headings `## 1`, `## 2`, …
#[must_use]
pub fn hints(markdown: &str) -> Vec<String> {
    let mut hints: Vec<String> = Vec::new();
    for line in markdown.lines() {
        let number = line.strip_prefix("## ").and_then(|number| number.trim().parse::<usize>().ok());
        if number == Some(hints.len() + 1) {
            hints.push(String::new());
        } else if let Some(hint) = hints.last_mut() {
            hint.push_str(line);
            hint.push('\n');
        }
    }
    hints.iter().map(|hint| hint.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::quiz::bank;

    const SAMPLE: &str = "version: 1\ntitle: A course\nexercises:\n  - {id: 01_count, section: lora, title: Count, points: 4, minutes: 5, questions: [c01]}\n";

    #[test]
    fn exercises_are_found_by_id_and_number() {
        let course = Course::parse(SAMPLE).unwrap();
        assert!(["01_count", "1", "01"].iter().all(|name| course.find(name).is_some()));
        assert!(["count", "2", "001x", ""].iter().all(|name| course.find(name).is_none()));
        assert!(Course::parse("version: 1\ntitle: x\nexercises: []\nmore: 1\n").is_err());
    }

    #[test]
    fn faults_are_found() {
        let bank = bank::builtin().unwrap();
        assert_eq!(Course::parse(SAMPLE).unwrap().faults(&bank), Vec::<String>::new());
        let faults = |from: &str, to: &str| Course::parse(&SAMPLE.replace(from, to)).unwrap().faults(&bank).join("; ");
        assert!(faults("01_count", "1_Count").contains("an id is two digits"));
        assert!(faults("section: lora", "section: cooking").contains("no section `cooking`"));
        assert!(faults("[c01]", "[c01, zz9]").contains("no question `zz9`"));
        assert!(faults("[c01]", "[]").contains("names no question"));
        let twice = SAMPLE.to_owned() + SAMPLE.lines().last().unwrap() + "\n";
        assert!(Course::parse(&twice).unwrap().faults(&bank).join("; ").contains("another exercise"));
    }

    #[test]
    fn hints_are_split_at_their_headings() {
        assert_eq!(
            hints("# Hints\n\n## 1\nLook.\n\n## 2\nLook\nharder.\n## 3\nHere.\n"),
            ["Look.", "Look\nharder.", "Here."]
        );
        assert!(hints("no headings").is_empty());
    }
}
