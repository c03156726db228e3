//! Third stage: does a pattern hold in an answer, and which of the learner's words show it?

use std::ops::Range;

use super::{
    lexicon::Lexicon,
    pattern::{Alternative, Group, Item, Pattern, Polarity, Scope, Word},
    token::Token,
};

/// Where `pattern` holds in `tokens`: the places in the learner's text that show it, or none.
pub(super) fn find(pattern: &Pattern, tokens: &[Token], lexicon: &Lexicon) -> Option<Vec<Range<usize>>> {
    let mut evidence = Vec::new();
    for group in &pattern.groups {
        evidence.extend(find_group(group, tokens, lexicon)?);
    }
    evidence.sort_by_key(|range| (range.start, range.end));
    evidence.dedup();
    Some(evidence)
}

fn find_group(group: &Group, tokens: &[Token], lexicon: &Lexicon) -> Option<Vec<Range<usize>>> {
    let part = |token: &Token| match group.scope {
        Scope::Answer => 0,
        Scope::Sentence => token.sentence,
        Scope::Clause => token.clause,
    };
    let mut start = 0;
    while start < tokens.len() {
        let id = part(&tokens[start]);
        let end =
            tokens[start..].iter().position(|token| part(token) != id).map_or(tokens.len(), |length| start + length);
        if let Some(evidence) = find_items(&group.items, tokens, start..end, lexicon) {
            return Some(evidence);
        }
        start = end;
    }
    None
}

/// Whether every item holds within `span` (indices of tokens).
fn find_items(items: &[Item], tokens: &[Token], span: Range<usize>, lexicon: &Lexicon) -> Option<Vec<Range<usize>>> {
    let mut evidence = Vec::with_capacity(items.len());
    for item in items {
        let place = span.clone().find_map(|at| match_item(item, tokens, at, span.end, lexicon));
        match (item.polarity, place) {
            (Polarity::Absent | Polarity::NotNegated, None) => {}
            (Polarity::Absent | Polarity::NotNegated, Some(_)) | (_, None) => return None,
            (_, Some(place)) => evidence.push(place),
        }
    }
    Some(evidence)
}

/// The place in the learner's text where `item` holds at token `at`.
fn match_item(item: &Item, tokens: &[Token], at: usize, end: usize, lexicon: &Lexicon) -> Option<Range<usize>> {
    let fits = |polarity: Polarity, length: usize| {
        // A negator inside the matched phrase is part of what is said; only one before it turns the phrase round.
        let negated =
            tokens[at..at + length].iter().any(|token| token.negated_by.is_some_and(|by| by < at)) != tokens[at].denied;
        let wanted = match polarity {
            Polarity::Plain | Polarity::Absent => !negated,
            Polarity::Negated | Polarity::NotNegated => negated,
            Polarity::Either => true,
        };
        wanted.then(|| tokens[at].range.start..tokens[at + length - 1].range.end)
    };
    item.alternatives.iter().find_map(|(polarity, alternative)| match alternative {
        Alternative::Phrase(words) => phrase_at(words, tokens, at, end).and_then(|length| fits(*polarity, length)),
        Alternative::Set(name) => lexicon
            .set(name)
            .iter()
            .find_map(|words| phrase_at(words, tokens, at, end).and_then(|length| fits(*polarity, length))),
        Alternative::Range(low, high) => {
            tokens[at].number.filter(|value| (*low..=*high).contains(value)).and_then(|_| fits(*polarity, 1))
        }
    })
}

/// How many tokens `words` take when they stand at `at`.
fn phrase_at(words: &[Word], tokens: &[Token], at: usize, end: usize) -> Option<usize> {
    if at + words.len() > end {
        return None;
    }
    let matches = words.iter().zip(&tokens[at..]).all(|(word, token)| match word {
        Word::Stem(stem) => token.text == *stem,
        // Answers are stemmed: `concatenat*` must meet "concaten", the stem of "concatenate".
        Word::Prefix(prefix) => {
            token.text.starts_with(prefix.as_str())
                // The stem of "copy" is "copi".
                || prefix.strip_suffix('y').is_some_and(|short| token.text.strip_prefix(short) == Some("i"))
                || (prefix.starts_with(&token.text) && prefix.len() <= token.text.len() + 2 && token.text.len() > 3)
        }
    });
    matches.then_some(words.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::quiz::grade::{pattern::parse, token::tokens};

    fn holds(pattern: &str, answer: &str) -> bool {
        let pattern = parse(pattern, &|_| true).unwrap();
        find(&pattern, &tokens(answer, 1000), &Lexicon::default()).is_some()
    }

    #[test]
    fn roles_are_kept_apart_by_clauses() {
        let pattern = "[A random|gaussian] [B 0]";
        assert!(holds(pattern, "A is random, B zero"));
        assert!(holds(pattern, "B = 0 and A ~ Gaussian"));
        assert!(!holds(pattern, "B random, A zero"));
        assert!(!holds(pattern, "A is random, B is not zero"));
    }

    #[test]
    fn polarity_is_minded() {
        assert!(holds("base frozen", "the base stays frozen"));
        assert!(!holds("base frozen", "the base is not frozen"));
        assert!(holds("base not:updated", "the base is never updated"));
        assert!(holds("base any:updated", "the base is updated"));
        assert!(holds("base not_updated", "the base is not updated"));
        assert!(holds("base frozen|not:updated", "the base is never updated"));
        assert!(!holds("base frozen|not:updated", "the base is updated"));
        assert!(holds("merge -not:merge", "it can be merged and is merged"));
        assert!(!holds("merge -not:merge", "LoRA can be merged, adapters can not be merged"));
        assert!(holds("random -B", "A is random"));
        assert!(!holds("random -B", "A and B are random"));
    }

    #[test]
    fn numbers_match_by_value_and_phrases_by_order() {
        assert!(holds("131072", "131k or so"));
        assert!(holds("~36", "about 35.3 GB"));
        assert!(!holds("35..36", "about 36.5 GB"));
        assert!(holds("alpha_over_r", "scaled by α/r"));
        assert!(!holds("alpha_over_r", "scaled by r/α"));
        assert!(holds("quanti*", "quantised"));
        assert!(holds("concatenat* damage*", "concatenate what is damaged"));
        assert!(!holds("linearis*", "lin"));
    }

    #[test]
    fn evidence_is_in_the_learners_own_words() {
        let answer = "Well: the pretrained weights stay FROZEN.";
        let pattern = parse("weights frozen", &|_| true).unwrap();
        let places = find(&pattern, &tokens(answer, 100), &Lexicon::default()).unwrap();
        let words: Vec<_> = places.into_iter().map(|place| &answer[place]).collect();
        assert_eq!(words, ["weights", "FROZEN"]);
    }
}
