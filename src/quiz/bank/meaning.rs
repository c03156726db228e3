//! Faults that only the meaning of a bank shows: patterns that cannot be read, rubrics their own answer fails, lost references.

mod judged;

use std::collections::HashSet;

use super::{Bank, DemoCall, Kind, Question, tree::Step};
use crate::{
    claims, demos,
    quiz::grade::{Lexicon, pattern},
};

/// A place and what is wrong there.
pub(super) type Fault = (Vec<Step>, String);

/// Longest text of one field, in bytes.
const TEXT_LIMIT: usize = 8_000;

/// Everything wrong with `bank`.
pub(super) fn faults(bank: &Bank) -> Vec<Fault> {
    let mut faults = Faults { list: Vec::new(), path: Vec::new() };
    let lexicon = Lexicon::new(bank);
    faults.within("version", |f| f.unless(bank.version == 1, "this program reads version 1 of the format"));
    faults.within("title", |f| f.text(&bank.title));
    faults.within("sections", |f| {
        f.unless(!bank.sections.is_empty(), "a bank needs a section");
        let mut seen = HashSet::new();
        for (index, section) in bank.sections.iter().enumerate() {
            f.at(index, |f| {
                f.within("id", |f| f.id(&section.id, &mut seen));
                f.within("title", |f| f.text(&section.title));
                f.within("study", |f| f.text(&section.study));
            });
        }
    });
    faults.within("lexicon", |f| {
        for (name, phrases) in &bank.lexicon {
            f.within(name, |f| {
                f.unless(!phrases.is_empty(), "an empty set matches nothing; add a phrase or remove it");
                for (index, phrase) in phrases.iter().enumerate() {
                    f.at(index, |f| f.result(pattern::phrase(phrase).map(|_| ())));
                }
            });
        }
    });
    faults.within("questions", |f| {
        f.unless(!bank.questions.is_empty(), "a bank needs a question");
        let mut seen = HashSet::new();
        for (index, question) in bank.questions.iter().enumerate() {
            f.at(index, |f| check_question(f, question, bank, &lexicon, &mut seen));
        }
    });
    faults.list
}

fn check_question<'b>(
    f: &mut Faults,
    question: &'b Question,
    bank: &Bank,
    lexicon: &Lexicon,
    seen: &mut HashSet<&'b str>,
) {
    f.within("id", |f| f.id(&question.id, seen));
    f.within("section", |f| {
        let known = bank.sections.iter().any(|section| section.id == question.section);
        f.unless(known, "no section has this id; add it to `sections` or correct the spelling");
    });
    f.within("difficulty", |f| f.unless((1..=5).contains(&question.difficulty), "difficulty goes from 1 to 5"));
    f.within("text", |f| f.text(&question.text));
    f.within("model_answer", |f| f.text(&question.model_answer));
    f.within("why", |f| f.text(&question.why));
    f.within("sources", |f| f.unless(!question.sources.is_empty(), "name a source: a paper, code, or a claim id"));
    f.within("claims", |f| check_claims(f, question));
    f.within("demo", |f| check_demo(f, &question.demo));
    f.within("follow_ups", |f| {
        for (index, follow_up) in question.follow_ups.iter().enumerate() {
            f.at(index, |f| {
                f.within("ask", |f| f.text(&follow_up.ask));
                f.within("answer", |f| f.text(&follow_up.answer));
                f.within("accept", |f| check_patterns(f, &follow_up.accept, lexicon));
            });
        }
    });
    let kinds =
        [question.rubric.is_some(), question.numeric.is_some(), question.formula.is_some(), question.choice.is_some()];
    match kinds.into_iter().filter(|present| *present).count() {
        1 => {}
        0 => return f.fail("add one of `rubric`, `numeric`, `formula` or `choice`"),
        _ => return f.fail("keep only one of `rubric`, `numeric`, `formula` and `choice`"),
    }
    match Kind::of(question) {
        Some(Kind::Text(rubric)) => f.within("rubric", |f| judged::check_rubric(f, rubric, question, lexicon)),
        Some(Kind::Numeric(numeric)) => f.within("numeric", |f| judged::check_numeric(f, numeric, question)),
        Some(Kind::Formula(formula)) => f.within("formula", |f| judged::check_formula(f, formula)),
        Some(Kind::Choice(choice)) => f.within("choice", |f| judged::check_choice(f, choice)),
        None => {}
    }
}

/// Each link starts at something that an answer can be caught with, and ends at a claim of the ledger.
fn check_claims(f: &mut Faults, question: &Question) {
    let caught = Kind::of(question).map(Kind::caught).unwrap_or_default();
    for (id, claim) in &question.claims {
        f.within(id, |f| {
            f.unless(caught.contains(id), &format!("nothing here is caught as this; there are {}", caught.join(", ")));
            f.result(claims::find(claim).map(|_| ()));
        });
    }
}

fn check_patterns(f: &mut Faults, patterns: &[String], lexicon: &Lexicon) {
    for (index, text) in patterns.iter().enumerate() {
        f.at(index, |f| f.result(pattern::parse(text, &|set| lexicon.has(set)).map(|_| ()).map_err(|e| e.message)));
    }
}

fn check_demo(f: &mut Faults, call: &DemoCall) {
    if let Err(error) = demos::find(&call.name, &call.args) {
        f.fail(&error.to_string());
    }
}

/// Collects faults while it walks the bank.
struct Faults {
    list: Vec<Fault>,
    path: Vec<Step>,
}

impl Faults {
    fn within(&mut self, key: &str, walk: impl FnOnce(&mut Self)) {
        self.path.push(Step::Key(key.to_owned()));
        walk(self);
        self.path.pop();
    }

    fn at(&mut self, index: usize, walk: impl FnOnce(&mut Self)) {
        self.path.push(Step::Index(index));
        walk(self);
        self.path.pop();
    }

    fn fail(&mut self, message: &str) {
        self.list.push((self.path.clone(), message.to_owned()));
    }

    fn unless(&mut self, fine: bool, message: &str) {
        if !fine {
            self.fail(message);
        }
    }

    fn result(&mut self, result: Result<(), String>) {
        if let Err(message) = result {
            self.fail(&message);
        }
    }

    fn text(&mut self, text: &str) {
        self.unless(!text.trim().is_empty(), "it is empty; write it");
        self.unless(text.len() <= TEXT_LIMIT, "longer than 8000 bytes; shorten it");
        let control = text.chars().any(|c| c.is_control() && c != '\n');
        self.unless(!control, "it holds a control character; remove it");
    }

    fn id<'b>(&mut self, id: &'b str, seen: &mut HashSet<&'b str>) {
        let fine = (1..=40).contains(&id.len())
            && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        self.unless(fine, "an id is 1 to 40 of a-z, 0-9 and `-`");
        self.unless(seen.insert(id), "this id is taken; ids are unique");
    }
}
