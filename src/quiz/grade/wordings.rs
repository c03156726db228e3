//! What is known about the built-in bank's questions: wordings of their points and wrong beliefs (`assets/grader/wordings.json`) and answers
//! with the label they were given (`assets/grader/answers.json`).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock},
};

use super::{
    lexicon::Lexicon,
    likeness::{Target, Wordings},
    meaning::{Encoder, Meanings, Vectors},
    ridge::{Pull, Ridge},
    stance,
    token::tokens,
    weigh,
};
use crate::quiz::bank::{Question, Rubric};

/// Most tokens of a wording.
const TOKENS: usize = 200;

type Texts = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// What is known about one question.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Wordings of its points and wrong beliefs.
    pub(super) wordings: Wordings,
    /// These, whole answers of known label and the model answer; none for a teacher's question.
    pub(super) all: Wordings,
    /// The same as vectors.
    pub(super) meanings: Option<Meanings>,
    /// What their labels suggest.
    pub(super) ridge: Ridge,
}

/// What is known about questions, indexed when first needed.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    indexed: Mutex<HashMap<String, Arc<Known>>>,
    /// Answers that are not to be known, because they are what is graded.
    pub(super) forgotten: HashSet<String>,
    /// The encoder in place of the one that ships.
    pub(super) encoder: Option<Arc<dyn Encoder>>,
}

impl Shelf {
    /// What is known about `question`.
    pub(super) fn of(&self, question: &Question, lexicon: &Lexicon) -> Arc<Known> {
        let Ok(mut indexed) = self.indexed.lock() else { return Arc::default() };
        let index = || Arc::new(self.index(question, lexicon));
        Arc::clone(indexed.entry(question.id.clone()).or_insert_with(index))
    }

    /// What turns texts into vectors.
    pub(super) fn encoder(&self) -> Option<&dyn Encoder> {
        match &self.encoder {
            Some(encoder) => Some(encoder.as_ref()),
            None => Vectors::shipped().map(|vectors| vectors as &dyn Encoder),
        }
    }

    fn index(&self, question: &Question, lexicon: &Lexicon) -> Known {
        let Some(rubric) = &question.rubric else { return Known::default() };
        let (worded, rich) = worded(question, rubric);
        let mut known = Known { wordings: weighed(&worded, rich, lexicon), ..Known::default() };
        if rich {
            let model = (Target::Model, question.model_answer.clone());
            let all: Vec<_> = worded.into_iter().chain(self.answered(question)).chain([model]).collect();
            known.all = weighed(&all, rich, lexicon);
            known.meanings = self.encoder().and_then(|encoder| Meanings::new(encoder, &all).ok());
            let near = known.meanings.as_ref().and_then(|meanings| meanings.kernel().ok());
            let pulls: Vec<Pull> = all.iter().map(|(target, _)| pull(target, rubric)).collect();
            known.ridge = Ridge::new(&weigh::mixed(&known.all.kernel(), near.as_deref()), &pulls);
        }
        known
    }

    fn answered(&self, question: &Question) -> Vec<(Target, String)> {
        let each = |(label, texts): (&String, &Vec<String>)| {
            let label: u8 = label.parse().unwrap_or(0);
            texts.iter().map(move |text| (Target::Answer(label), text.clone())).collect::<Vec<_>>()
        };
        let answered = answers().get(&question.id).into_iter().flatten().flat_map(each);
        answered.filter(|(_, text)| !self.forgotten.contains(text)).collect()
    }
}

/// The label that a known text stands for, and how firmly: an answer was labelled as a whole, a wording is only a part of one.
fn pull(target: &Target, rubric: &Rubric) -> Pull {
    let needed = rubric.points.iter().filter(|point| point.required).count();
    let part = |label| Pull { label, slack: 0.5 };
    match target {
        Target::Answer(label) => Pull { label: f32::from(*label), slack: 0.2 },
        Target::Model => Pull { label: 2.0, slack: 0.2 },
        Target::Point(id) => match rubric.points.iter().any(|point| point.id == *id && point.required) {
            true if needed == 1 => part(1.6),
            true => part(1.2),
            false => part(1.0),
        },
        Target::Misconception(id) => match rubric.misconceptions.iter().any(|m| m.id == *id && m.decisive) {
            true => part(0.0),
            false => part(0.6),
        },
        Target::NearMiss => part(0.2),
        Target::OffTopic => part(0.0),
    }
}

fn texts() -> &'static Texts {
    static TEXTS: OnceLock<Texts> = OnceLock::new();
    TEXTS.get_or_init(|| serde_json::from_str(include_str!("../../../assets/grader/wordings.json")).unwrap_or_default())
}

fn answers() -> &'static Texts {
    static ANSWERS: OnceLock<Texts> = OnceLock::new();
    ANSWERS
        .get_or_init(|| serde_json::from_str(include_str!("../../../assets/grader/answers.json")).unwrap_or_default())
}

/// The rubric's own texts, and for questions of the built-in bank the wordings that ship; and whether they do.
fn worded(question: &Question, rubric: &Rubric) -> (Vec<(Target, String)>, bool) {
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
    (worded, rich)
}

fn weighed(texts: &[(Target, String)], rich: bool, lexicon: &Lexicon) -> Wordings {
    let read = |(target, text): &(Target, String)| {
        let mut words = tokens(text, TOKENS);
        lexicon.correct(&mut words);
        stance::deny(&mut words, text);
        (target.clone(), text.clone(), words)
    };
    Wordings::new(texts.iter().map(read).collect(), rich)
}
