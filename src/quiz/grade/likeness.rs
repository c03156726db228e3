//! How like an answer's sentences are to known wordings of a question's points and wrong beliefs.
//!
//! A wording is a sparse vector: its words and pairs of neighbouring words (stemmed, typos corrected, negated ones marked), and the runs of
//! three to five letters inside words, each weighted (1 + ln count) · (1 + ln((1 + N)/(1 + n))) with N wordings of which n hold it, and the
//! whole normalised; likeness is the cosine (tf-idf, Salton and Buckley 1988). Pairs of words keep roles and directions apart that single
//! words mix up.

use std::collections::{BTreeMap, HashMap};

use super::token::Token;

/// What a wording words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Point(String),
    Misconception(String),
    /// Sounds right and is not.
    NearMiss,
    /// True, and about something else.
    OffTopic,
    /// The model answer.
    Model,
    /// A whole answer that was given this label.
    Answer(u8),
}

impl Target {
    /// Reads `point:few-train`, `misconception:prune`, `near-miss`, `off-topic`.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("point", id)) => Some(Self::Point(id.to_owned())),
            Some(("misconception", id)) => Some(Self::Misconception(id.to_owned())),
            None if text == "near-miss" => Some(Self::NearMiss),
            None if text == "off-topic" => Some(Self::OffTopic),
            _ => None,
        }
    }
}

/// The wordings of one question, ready for comparison.
#[derive(Debug, Default)]
pub(super) struct Wordings {
    targets: Vec<(Target, String)>,
    /// Whether there are enough wordings for the head, not just the rubric's own texts.
    pub(super) rich: bool,
    /// Inverse document frequency of each feature.
    rarity: HashMap<u64, f32>,
    /// Wordings that hold a feature, with its weight there.
    index: HashMap<u64, Vec<(usize, f32)>>,
}

/// The likeness of one sentence to each target, and the wording that is nearest.
pub(super) type Likeness = BTreeMap<Target, (f32, usize)>;

impl Wordings {
    /// Indexes wordings, each with its tokens; `rich` where there are enough for the head.
    pub(super) fn new(wordings: Vec<(Target, String, Vec<Token>)>, rich: bool) -> Self {
        let counts: Vec<HashMap<u64, f32>> = wordings.iter().map(|(_, _, tokens)| count(tokens)).collect();
        let mut documents: HashMap<u64, f32> = HashMap::new();
        for feature in counts.iter().flat_map(HashMap::keys) {
            *documents.entry(*feature).or_default() += 1.0;
        }
        let total = counts.len() as f32;
        let rarity = documents.into_iter().map(|(f, n)| (f, 1.0 + ((1.0 + total) / (1.0 + n)).ln())).collect();
        let mut built = Self { targets: Vec::new(), rich, rarity, index: HashMap::new() };
        for (number, counted) in counts.iter().enumerate() {
            for (feature, weight) in built.weigh(counted) {
                built.index.entry(feature).or_default().push((number, weight));
            }
        }
        built.targets = wordings.into_iter().map(|(target, text, _)| (target, text)).collect();
        built
    }

    /// The text of wording `number`.
    pub(super) fn text(&self, number: usize) -> &str {
        self.targets.get(number).map_or("", |(_, text)| text)
    }

    /// How like `tokens` are to each target: the best wording of each counts.
    pub(super) fn compare(&self, tokens: &[Token]) -> Likeness {
        let mut likeness = Likeness::new();
        for (number, (target, product)) in self.each(tokens).enumerate() {
            let best = likeness.entry(target.clone()).or_insert((0.0, number));
            if product > best.0 {
                *best = (product, number);
            }
        }
        likeness
    }

    /// How like `tokens` are to each wording.
    pub(super) fn each(&self, tokens: &[Token]) -> impl Iterator<Item = (&Target, f32)> {
        let mut products = vec![0.0_f32; self.targets.len()];
        for (feature, weight) in self.weigh(&count(tokens)) {
            for (number, other) in self.index.get(&feature).map_or(&[][..], Vec::as_slice) {
                products[*number] += weight * other;
            }
        }
        self.targets.iter().map(|(target, _)| target).zip(products)
    }

    /// How like the wordings are to each other, [wordings, wordings] row by row.
    pub(super) fn kernel(&self) -> Vec<f32> {
        let count = self.targets.len();
        let mut kernel = vec![0.0_f32; count * count];
        // Sums in one order give the same figure on every run.
        let mut features: Vec<&u64> = self.index.keys().collect();
        features.sort_unstable();
        for holders in features.into_iter().filter_map(|feature| self.index.get(feature)) {
            for (row, weight) in holders {
                for (column, other) in holders {
                    kernel[row * count + column] += weight * other;
                }
            }
        }
        kernel
    }

    /// Known features with their weights, normalised over what is known.
    fn weigh(&self, counts: &HashMap<u64, f32>) -> Vec<(u64, f32)> {
        let mut weighed: Vec<(u64, f32)> = counts
            .iter()
            .filter_map(|(feature, count)| {
                self.rarity.get(feature).map(|rarity| (*feature, (1.0 + count.ln()) * rarity))
            })
            .collect();
        // Sums in one order give the same figure on every run.
        weighed.sort_unstable_by_key(|(feature, _)| *feature);
        let norm = weighed.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt().max(1e-6);
        weighed.iter_mut().for_each(|(_, weight)| *weight /= norm);
        weighed
    }
}

/// Counts words, pairs of words and runs of letters.
fn count(tokens: &[Token]) -> HashMap<u64, f32> {
    let mut counts: HashMap<u64, f32> = HashMap::new();
    let mut before: Option<u64> = None;
    for token in tokens {
        let word = hash(u64::from(token.turned()), token.text.as_bytes());
        *counts.entry(word).or_default() += 1.0;
        if let Some(before) = before {
            *counts.entry(hash(before.wrapping_mul(31), token.text.as_bytes())).or_default() += 1.0;
        }
        before = Some(word);
        let padded: Vec<char> = format!(" {} ", token.text).chars().take(34).collect();
        for length in 3..=5 {
            for run in padded.windows(length) {
                let run: String = run.iter().collect();
                *counts.entry(hash(7, run.as_bytes())).or_default() += 1.0;
            }
        }
    }
    counts
}

/// FNV-1a: the same on every machine, which the standard library's hasher does not promise.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes.iter().fold(start, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::quiz::grade::token::tokens;

    fn likeness(answer: &str) -> (f32, f32) {
        let wording = |target, text: &str| (target, text.to_owned(), tokens(text, 100));
        let right = Target::Point("roles".into());
        let wrong = Target::Misconception("swapped".into());
        let known = Wordings::new(
            vec![
                wording(right.clone(), "B starts at zero and A is random"),
                wording(wrong.clone(), "A starts at zero and B is random"),
            ],
            true,
        );
        let found = known.compare(&tokens(answer, 100));
        (found[&right].0, found[&wrong].0)
    }

    #[test]
    fn pairs_of_words_tell_swapped_roles_apart() {
        let (right, wrong) = likeness("B starts at zero, A is random");
        assert!(right > wrong, "{right} {wrong}");
        let (right, wrong) = likeness("A starts at zero, B is random");
        assert!(wrong > right, "{right} {wrong}");
        let (right, wrong) = likeness("the weather is fine");
        assert!(right < 0.5 && wrong < 0.5, "{right} {wrong}");
    }

    #[test]
    fn targets_are_read_by_name() {
        assert_eq!(Target::read("point:form"), Some(Target::Point("form".into())));
        assert_eq!(Target::read("near-miss"), Some(Target::NearMiss));
        assert_eq!(Target::read("elsewhere:x"), None);
    }
}
