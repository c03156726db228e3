//! Answers that are no answers: silence, "I don't know", the question echoed, a plea to the grader, a heap of keywords.

use std::collections::HashSet;

use super::token::{Token, tokens};

/// Why an answer earns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    Empty,
    DontKnow,
    Echo,
    Plea,
    Gibberish,
    KeywordSoup,
}

impl Guard {
    /// What the verdict says about it.
    pub(super) fn note(self) -> &'static str {
        match self {
            Self::Empty => "There is no answer here. Say what you know, even a part of it.",
            Self::DontKnow => "\"I don't know\" is honest; ask for a :hint or :explain.",
            Self::Echo => "This repeats the question. Answer it in your own words.",
            Self::Plea => "Instructions to the grader earn nothing. Answer the question.",
            Self::Gibberish => "No word of this is about the question.",
            Self::KeywordSoup => "A list of keywords says nothing about how they belong together. Write a sentence.",
        }
    }
}

const GIVING_UP: [&str; 11] = [
    "i don't know",
    "i dont know",
    "i do not know",
    "no idea",
    "dunno",
    "idk",
    "not sure",
    "no clue",
    "pass",
    "skip",
    "n/a",
];

/// Words that make statements of a list.
const FUNCTION_WORDS: [&str; 30] = [
    "is", "are", "be", "was", "has", "have", "get", "to", "of", "in", "by", "for", "from", "on", "at", "that", "which",
    "it", "not", "no", "as", "than", "per", "into", "you", "so", "do", "stay", "onli", "over",
];

/// Further words that say how others belong together: verbs of the field in stemmed form.
const RELATIONS: [&str; 26] = [
    "freez", "train", "learn", "add", "multipli", "scale", "keep", "make", "need", "caus", "give", "becom", "show",
    "lie", "move", "take", "grow", "fall", "depend", "receiv", "divid", "plus", "less", "more", "with", "without",
];

/// Words that add nothing to a question when they are all that is new in an answer.
const FILLER: [&str; 44] = [
    "becaus", "reason", "thing", "someth", "one", "other", "same", "differ", "good", "bad", "way", "can", "could",
    "will", "would", "should", "go", "goe", "give", "given", "get", "use", "work", "need", "too", "those", "these",
    "this", "them", "they", "there", "well", "also", "just", "then", "what", "whi", "how", "when", "where", "e", "i",
    "and", "or",
];

/// Content words in a row, without a word or sign that relates them, that no longer pass as a telegram.
const RUN: usize = 8;

/// The same where verbs of the field stand among them.
const BARE_RUN: usize = 16;

/// Items of a bare list that no longer pass as a telegram.
const ITEMS: usize = 8;

/// Checks `answer`, given as text and as tokens, against the question's text.
pub(super) fn check(answer: &str, answer_tokens: &[Token], question: &str) -> Option<Guard> {
    let plain = answer.trim().to_lowercase().replace('’', "'");
    if plain.is_empty() {
        return Some(Guard::Empty);
    }
    let bare = plain.trim_end_matches(['.', '!', '?', ' ']);
    if GIVING_UP
        .iter()
        .any(|phrase| bare == *phrase || (plain.len() < 60 && phrase.len() > 3 && plain.starts_with(phrase)))
    {
        return Some(Guard::DontKnow);
    }
    if answer_tokens.is_empty() {
        return Some(Guard::Gibberish);
    }
    let question: HashSet<String> = tokens(question, 1000).into_iter().map(|token| token.text).collect();
    if stammers(answer_tokens) {
        return Some(Guard::Gibberish);
    }
    if is_echo(answer_tokens, &question) {
        return Some(Guard::Echo);
    }
    if is_soup(answer, answer_tokens) {
        return Some(Guard::KeywordSoup);
    }
    None
}

/// Words said twice running, more than once: nobody answers so.
fn stammers(tokens: &[Token]) -> bool {
    let repeated = tokens.windows(2).filter(|pair| pair[0].text == pair[1].text && pair[0].text.len() > 1).count();
    repeated >= 2 && repeated * 12 >= tokens.len()
}

/// At least five content words, and next to none that the question does not hold already.
fn is_echo(answer: &[Token], question: &HashSet<String>) -> bool {
    let content: Vec<&Token> = answer
        .iter()
        .filter(|token| !is_function(token) && !FILLER.contains(&token.text.as_str()) && token.text != "is")
        .collect();
    let new =
        content.iter().filter(|token| !question.contains(&token.text)).map(|token| &token.text).collect::<HashSet<_>>();
    let negated = answer.iter().any(|token| token.negated_by.is_some());
    let counted = answer.iter().any(|token| token.number.is_some() && !question.contains(&token.text));
    content.len() >= 4
        && !negated
        && !counted
        && (new.is_empty() || (content.len() >= 6 && new.len() * 6 <= content.len()))
}

fn is_function(token: &Token) -> bool {
    FUNCTION_WORDS.contains(&token.text.as_str())
}

/// A long row or list of bare words: nothing says how they belong together.
fn is_soup(answer: &str, tokens: &[Token]) -> bool {
    let relates =
        |token: &Token| is_function(token) || token.number.is_some() || RELATIONS.contains(&token.text.as_str());
    // Verbs of the field do not excuse a heap here: "frozen" and "scaling" stand in one as easily as "rank".
    let related = tokens.iter().filter(|token| is_function(token) || token.number.is_some()).count();
    if related * 6 > tokens.len() {
        return false;
    }
    let longest = tokens
        .chunk_by(|a, b| a.clause == b.clause && !relates(a) && !relates(b))
        .map(<[Token]>::len)
        .max()
        .unwrap_or(0);
    let items: Vec<&str> =
        answer.split([',', ';', '\n', '.', '|', '/']).filter(|item| !item.trim().is_empty()).collect();
    let words: usize = items.iter().map(|item| item.split_whitespace().count()).sum();
    let same = |a: &Token, b: &Token| a.clause == b.clause && !is_function(a) && !is_function(b);
    let bare = tokens.chunk_by(same).map(<[Token]>::len).max().unwrap_or(0);
    longest >= RUN || bare >= BARE_RUN || (items.len() >= ITEMS && words < 2 * items.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(answer: &str) -> Option<Guard> {
        check(answer, &tokens(answer, 1000), "Why does the matrix B start at zero in LoRA?")
    }

    #[test]
    fn answers_that_are_none_are_named() {
        assert_eq!(guard("   "), Some(Guard::Empty));
        assert_eq!(guard("I don't know."), Some(Guard::DontKnow));
        assert_eq!(guard("idk"), Some(Guard::DontKnow));
        assert_eq!(guard("the matrix B does start at zero in LoRA"), Some(Guard::Echo));
        assert_eq!(guard("!!! ..."), Some(Guard::Gibberish));
        let soup = "lora rank alpha matrix zero frozen base gradient merge adapter random kaiming scaling optimiser weight delta";
        assert_eq!(guard(soup), Some(Guard::KeywordSoup));
        assert_eq!(guard("Kernel, CUDA, Punica, S-LoRA, SGMV, BGMV, matrix, vector, GPU"), Some(Guard::KeywordSoup));
        assert_eq!(guard("B starts at zero because the matrix B does start at zero in LoRA"), Some(Guard::Echo));
    }

    #[test]
    fn honest_answers_pass_however_short() {
        for answer in [
            "ΔW = 0",
            "BA = 0 at start",
            "so the product vanishes",
            "8",
            "frozen base, low-rank delta, tiny optimiser state, small checkpoints, mergeable",
        ] {
            assert_eq!(guard(answer), None, "{answer}");
        }
    }
}
