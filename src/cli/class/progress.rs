//! A class out of learners' exported progress. The files come from strangers: each is checked, one that cannot be used is named and left out.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use crate::{
    classroom::report::{Cell, Class, Hard, Learner},
    cli::{Failure, Global, open_bank, verdict::clean},
    quiz::{
        bank::{Bank, Question},
        grade::{Instance, Lexicon, grade},
        store::{Answer, Progress},
        verdict::Label,
    },
};

/// The largest file that is read, in bytes.
const SIZE_LIMIT: u64 = 16 << 20;

/// Most files that are read: a directory of more is no class.
const FILE_LIMIT: usize = 2000;

/// One learner's last answers.
struct Record {
    id: String,
    /// By question: the last answer's label, and the misconception it showed.
    last: HashMap<String, (Label, String)>,
    seconds: f64,
}

/// Reads all `*.json` files in `directory`.
///
/// # Errors
/// The directory cannot be read, or no file in it is exported progress.
pub(super) fn read(directory: &Path, global: &Global) -> Result<Class, Failure> {
    let bank = open_bank(global)?;
    let files = files(directory)?;
    let (lexicon, questions) = (Lexicon::new(&bank), by_id(&bank));
    let read = |path: &PathBuf| record(path, &lexicon, &questions).map_err(|why| (path.clone(), why));
    let mut records = Vec::new();
    for outcome in files.par_iter().map(read).collect::<Vec<_>>() {
        match outcome {
            Ok(record) => records.push(record),
            Err((path, why)) => {
                anstream::eprintln!("deltaw: {}: {}; left out", clean(&path.display().to_string()), clean(&why));
            }
        }
    }
    if records.is_empty() {
        let place = directory.display();
        return Err(Failure::usage(format!(
            "{place}: no file there is of `deltaw export progress`; put one *.json a learner there"
        )));
    }
    Ok(class(&bank, &records))
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let named = |error: std::io::Error| Failure::usage(format!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(named)? {
        let path = entry.map_err(named)?.path();
        if path.extension().is_some_and(|end| end == "json") && path.is_file() {
            files.push(path);
        }
        if files.len() > FILE_LIMIT {
            return Err(Failure::usage(format!(
                "{}: more than {FILE_LIMIT} files; give a class's alone",
                directory.display()
            )));
        }
    }
    files.sort();
    Ok(files)
}

fn by_id(bank: &Bank) -> HashMap<&str, &Question> {
    bank.questions.iter().map(|question| (question.id.as_str(), question)).collect()
}

fn record(path: &Path, lexicon: &Lexicon, questions: &HashMap<&str, &Question>) -> Result<Record, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(SIZE_LIMIT + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > SIZE_LIMIT {
        return Err(format!("larger than {SIZE_LIMIT} bytes"));
    }
    let progress: Progress = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if progress.version != 1 {
        return Err(format!("version {} is not 1", progress.version));
    }
    if progress
        .answers
        .iter()
        .any(|answer| !(0.0..=1.0).contains(&answer.score) || !(0.0..1e9).contains(&answer.seconds))
    {
        return Err("an answer has impossible values".to_owned());
    }
    // Answers stand oldest first: the last one to a question is what the learner knows now.
    let mut last: HashMap<&str, &Answer> = HashMap::new();
    for answer in &progress.answers {
        last.insert(&answer.question, answer);
    }
    let belief = |question: &Question, answer: &Answer| {
        if answer.label == Label::Correct {
            return String::new();
        }
        let instance = Instance::draw(question, answer.seed.cast_unsigned());
        grade(&instance, lexicon, &answer.answer)
            .misconceptions
            .first()
            .map(|caught| caught.text.clone())
            .unwrap_or_default()
    };
    // Questions of another bank say nothing about this one.
    let known = last.into_iter().filter_map(|(id, answer)| Some((questions.get(id)?, answer)));
    Ok(Record {
        id: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        last: known.map(|(question, answer)| (question.id.clone(), (answer.label, belief(question, answer)))).collect(),
        seconds: progress.answers.iter().map(|answer| answer.seconds).sum(),
    })
}

fn class(bank: &Bank, records: &[Record]) -> Class {
    let mut sections: BTreeMap<&str, Vec<&Question>> = BTreeMap::new();
    for question in &bank.questions {
        sections.entry(&question.section).or_default().push(question);
    }
    let of = |section: &str| sections.get(section).map_or(&[][..], Vec::as_slice);
    let learner = |record: &Record| {
        let score = |question: &Question| {
            record.last.get(&question.id).map_or(0.0, |(label, _)| f64::from(label.number()) / 2.0)
        };
        let cell = |section: &str| {
            let questions = of(section);
            let answered = questions.iter().filter(|question| record.last.contains_key(&question.id)).count();
            let share = questions.iter().map(|question| score(question)).sum::<f64>() / questions.len().max(1) as f64;
            (answered > 0).then(|| Cell { share, note: format!("{answered} of {} answered", questions.len()) })
        };
        Learner {
            id: record.id.clone(),
            name: record.id.clone(),
            cells: bank.sections.iter().map(|section| cell(&section.id)).collect(),
            score: bank.questions.iter().map(score).sum::<f64>() / bank.questions.len().max(1) as f64,
            seconds: record.seconds,
        }
    };
    let hard = bank.questions.iter().map(|question| {
        let given = || records.iter().filter_map(|record| record.last.get(&question.id));
        let lost = || given().filter(|(label, _)| *label != Label::Correct);
        let name = format!("{}: {}", question.id, question.text.trim());
        Hard::count(
            &question.section,
            &name,
            given().count(),
            lost().count(),
            given().map(|(_, belief)| belief.as_str()),
        )
    });
    Class {
        title: format!("{}: the class's practice", bank.title),
        column: "section".to_owned(),
        item: "question".to_owned(),
        time: "what answering took".to_owned(),
        columns: bank.sections.iter().map(|section| section.id.clone()).collect(),
        learners: records.iter().map(learner).collect(),
        hard: Hard::ordered(hard),
        alike: Vec::new(),
        caught: Vec::new(),
    }
}
