//! The pattern language of rubrics: `accept`, `detect` and `vague` in a bank.
//!
//! A pattern is a line of items separated by spaces. Every item must match; a list of patterns matches when any pattern does.
//! Answers are normalised first (see the sibling modules): Unicode folded, mathematics in words (`/` is `over`, `=` is `is`, `+` is
//! `plus`, products and brackets vanish), numbers as numbers, articles dropped, words stemmed, typos of field words corrected.
//!
//! | item | matches |
//! |---|---|
//! | `frozen` | a word of the same stem |
//! | `frozen\|fixed` | either |
//! | `not_trained` | words next to each other, in this order |
//! | `quanti*` | a word that begins so |
//! | `@frozen` | any phrase of the bank's lexicon set `frozen`; may be one alternative among others |
//! | `A`, `B` | the matrix |
//! | `131072`, `~36`, `35..38` | a number within 0.5 %, within 5 %, in the range |
//! | `[A random]` | all items inside within one clause |
//! | `{base frozen}` | all items inside within one sentence |
//! | `-item` | must not occur (in its group, or in the whole answer outside a group) |
//! | `not:item` | must occur negated |
//! | `a\|not:b` | a plain, or b negated |
//! | `any:item` | may be negated or not |
//! | `-not:item` | must not occur negated |
//!
//! A plain item counts only where it is not negated. Groups do not nest.

use super::token::tokens;

/// Longest pattern that is read, in bytes.
const LONGEST: usize = 2_000;

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    pub(super) groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) scope: Scope,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Answer,
    Sentence,
    Clause,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) polarity: Polarity,
    /// Each with the polarity it is looked for in.
    pub(super) alternatives: Vec<(Polarity, Alternative)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Polarity {
    Plain,
    Negated,
    Either,
    Absent,
    /// Must not occur negated.
    NotNegated,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Alternative {
    Phrase(Vec<Word>),
    Range(f64, f64),
    Set(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Word {
    Stem(String),
    Prefix(String),
}

/// What is wrong with a pattern, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern `{pattern}`: {message}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong.
    pub message: String,
}

/// Parses `pattern`; `set_exists` tells which lexicon sets there are.
///
/// # Errors
/// The pattern is empty, a group does not close, an item is empty, or a set does not exist.
pub fn parse(pattern: &str, set_exists: &dyn Fn(&str) -> bool) -> Result<Pattern, PatternError> {
    let fail = |message: String| PatternError { pattern: pattern.chars().take(80).collect(), message };
    if pattern.len() > LONGEST {
        return Err(fail(format!("longer than {LONGEST} bytes; split it into several")));
    }
    let spaced = pattern.replace('[', " [ ").replace(']', " ] ").replace('{', " { ").replace('}', " } ");
    let mut whole = Group { scope: Scope::Answer, items: Vec::new() };
    let mut groups = Vec::new();
    let mut open: Option<Group> = None;
    for text in spaced.split_whitespace() {
        match text {
            "[" | "{" if open.is_some() => return Err(fail("groups do not nest".to_owned())),
            "[" => open = Some(Group { scope: Scope::Clause, items: Vec::new() }),
            "{" => open = Some(Group { scope: Scope::Sentence, items: Vec::new() }),
            "]" | "}" => {
                let wanted = if text == "]" { Scope::Clause } else { Scope::Sentence };
                match open.take() {
                    Some(group) if group.scope == wanted && group.items.iter().any(Item::is_needed) => {
                        groups.push(group)
                    }
                    Some(group) if group.scope == wanted => {
                        return Err(fail("a group needs an item that must occur".to_owned()));
                    }
                    _ => return Err(fail(format!("`{text}` closes nothing"))),
                }
            }
            _ => {
                let item = item(text, set_exists).map_err(&fail)?;
                open.as_mut().unwrap_or(&mut whole).items.push(item);
            }
        }
    }
    if open.is_some() {
        return Err(fail("a group is not closed".to_owned()));
    }
    if !whole.items.is_empty() {
        groups.push(whole);
    }
    if !groups.iter().flat_map(|group| &group.items).any(Item::is_needed) {
        return Err(fail("nothing in it must occur; write at least one plain item".to_owned()));
    }
    Ok(Pattern { groups })
}

impl Item {
    fn is_needed(&self) -> bool {
        !matches!(self.polarity, Polarity::Absent | Polarity::NotNegated)
    }
}

fn item(text: &str, set_exists: &dyn Fn(&str) -> bool) -> Result<Item, String> {
    let (polarity, rest) = if let Some(rest) = text.strip_prefix("not:") {
        (Polarity::Negated, rest)
    } else if let Some(rest) = text.strip_prefix("any:") {
        (Polarity::Either, rest)
    } else if let Some(rest) = text.strip_prefix("-not:") {
        (Polarity::NotNegated, rest)
    } else if let Some(rest) = text.strip_prefix('-') {
        (Polarity::Absent, rest)
    } else {
        (Polarity::Plain, text)
    };
    // `a|not:b` turns one alternative round; `not:a|b` turns all.
    let one = |part: &str| {
        let (own, rest) = match (part.strip_prefix("not:"), part.strip_prefix("any:")) {
            (Some(rest), _) => (Polarity::Negated, rest),
            (_, Some(rest)) => (Polarity::Either, rest),
            _ => (polarity, part),
        };
        Ok((own, alternative(rest, set_exists)?))
    };
    let alternatives = rest.split('|').map(one).collect::<Result<Vec<_>, String>>()?;
    Ok(Item { polarity, alternatives })
}

fn alternative(part: &str, set_exists: &dyn Fn(&str) -> bool) -> Result<Alternative, String> {
    if part.is_empty() {
        return Err("an alternative is empty; look for a stray `|`, `-` or `:`".to_owned());
    }
    if part.contains(':') {
        return Err(format!("`{part}`: only `not:` and `any:` stand before a word"));
    }
    if let Some(set) = part.strip_prefix('@') {
        return match set_exists(set) {
            true => Ok(Alternative::Set(set.to_owned())),
            false => Err(format!("there is no lexicon set `{set}`")),
        };
    }
    if let Some((low, high)) = part.split_once("..") {
        return match (low.parse::<f64>(), high.parse::<f64>()) {
            (Ok(low), Ok(high)) if low <= high => Ok(Alternative::Range(low, high)),
            _ => Err(format!("`{part}` is no range; write it as `35..38`")),
        };
    }
    if let Some(number) = part.strip_prefix('~') {
        let value: f64 = number.parse().map_err(|_| format!("`{part}` is no number"))?;
        return Ok(Alternative::Range(value - 0.05 * value.abs(), value + 0.05 * value.abs()));
    }
    if let Ok(value) = part.parse::<f64>() {
        return Ok(Alternative::Range(value - 0.005 * value.abs(), value + 0.005 * value.abs()));
    }
    phrase(&part.replace('_', " ")).map(Alternative::Phrase)
}

/// The words of a phrase, normalised as answers are.
pub(crate) fn phrase(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        if let Some(prefix) = word.strip_suffix('*') {
            words.push(Word::Prefix(prefix.to_lowercase()));
            continue;
        }
        // A lone A in a pattern is always the matrix.
        if word == "A" || word == "B" {
            words.push(Word::Stem(word.to_owned()));
            continue;
        }
        words.extend(tokens(word, 16).into_iter().map(|token| Word::Stem(token.text)));
    }
    if words.is_empty() {
        return Err(format!("`{text}` has no word that counts (articles are dropped)"));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_fault_is_named() {
        let message = |pattern: &str| parse(pattern, &|set| set == "frozen").unwrap_err().message;
        assert_eq!(message(""), "nothing in it must occur; write at least one plain item");
        assert_eq!(message("-base"), "nothing in it must occur; write at least one plain item");
        assert_eq!(message("[A random"), "a group is not closed");
        assert_eq!(message("A random]"), "`]` closes nothing");
        assert_eq!(message("[A {B zero} c]"), "groups do not nest");
        assert_eq!(message("@nowhere"), "there is no lexicon set `nowhere`");
        assert_eq!(message("x||b"), "an alternative is empty; look for a stray `|`, `-` or `:`");
        assert_eq!(message("9..3"), "`9..3` is no range; write it as `35..38`");
        assert!(message("x|no:y").contains("only `not:` and `any:`"));
        assert!(message("the").contains("no word that counts"));
        assert!(parse("@frozen|locked [A random] -B any:base ~36 35..38 quanti*", &|set| set == "frozen").is_ok());
    }
}
