//! Known wordings of the points and wrong beliefs of the built-in bank's questions: `assets/grader/wordings.json`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, OnceLock},
};

use super::{
    lexicon::Lexicon,
    likeness::{Target, Wordings},
    stance,
    token::tokens,
};
use crate::quiz::bank::Question;

/// Most tokens of a wording.
const TOKENS: usize = 200;

type Texts = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The wordings of questions, indexed when first needed.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    indexed: Mutex<HashMap<String, Arc<Wordings>>>,
}

impl Shelf {
    /// The wordings of `question`.
    pub(super) fn of(&self, question: &Question, lexicon: &Lexicon) -> Arc<Wordings> {
        let Ok(mut indexed) = self.indexed.lock() else { return Arc::default() };
        let index = || Arc::new(index(question, lexicon));
        Arc::clone(indexed.entry(question.id.clone()).or_insert_with(index))
    }
}

fn texts() -> &'static Texts {
    static TEXTS: OnceLock<Texts> = OnceLock::new();
    TEXTS.get_or_init(|| serde_json::from_str(include_str!("../../../assets/grader/wordings.json")).unwrap_or_default())
}

/// The rubric's own texts, and for questions of the built-in bank the wordings that ship.
fn index(question: &Question, lexicon: &Lexicon) -> Wordings {
    let Some(rubric) = &question.rubric else { return Wordings::default() };
    let points = rubric.points.iter().map(|point| (Target::Point(point.id.clone()), point.text.clone()));
    let beliefs = rubric.misconceptions.iter().map(|m| (Target::Misconception(m.id.clone()), m.text.clone()));
    let mut worded: Vec<(Target, String)> = points.chain(beliefs).collect();
    // A teacher's question may carry an id of the built-in bank; its points then bear other names.
    let listed: BTreeSet<Target> = worded.iter().map(|(target, _)| target.clone()).collect();
    let shipped: Vec<(Target, &Vec<String>)> = texts()
        .get(&question.id)
        .map(|texts| texts.iter().filter_map(|(name, texts)| Some((Target::read(name)?, texts))).collect())
        .unwrap_or_default();
    let fits = |target: &Target| matches!(target, Target::NearMiss | Target::OffTopic) || listed.contains(target);
    let rich = !shipped.is_empty() && shipped.iter().all(|(target, _)| fits(target));
    if rich {
        let each = |(target, texts): (Target, &Vec<String>)| {
            texts.iter().map(move |text| (target.clone(), text.clone())).collect::<Vec<_>>()
        };
        worded.extend(shipped.into_iter().flat_map(each));
    }
    let read = |(target, text): (Target, String)| {
        let mut words = tokens(&text, TOKENS);
        lexicon.correct(&mut words);
        stance::deny(&mut words, &text);
        (target, text, words)
    };
    Wordings::new(worded.into_iter().map(read).collect(), rich)
}
