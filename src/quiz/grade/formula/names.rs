//! The symbols a formula may use, found however they are spelt.

use super::lexer::{Kind, lex};

/// Longest word that is taken apart into glued symbols.
const MAX_GLUED: usize = 24;

/// English words that are never a product of one-letter symbols.
const ENGLISH: [&str; 42] = [
    "a", "an", "and", "are", "as", "at", "be", "because", "but", "by", "dad", "for", "from", "had", "has", "have", "i",
    "if", "in", "is", "it", "its", "of", "on", "or", "so", "that", "the", "then", "this", "to", "was", "we", "when",
    "where", "which", "with", "you", "bad", "add", "all", "plus",
];

/// Whether `word` is a common English word.
pub(crate) fn is_english(word: &str) -> bool {
    ENGLISH.contains(&word)
}

/// The known symbols. A symbol is referred to by its place in the list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    shown: Vec<String>,
    canonical: Vec<String>,
}

impl Names {
    /// Adds a symbol; returns its place. Names that are spelt alike share one place.
    pub(crate) fn add(&mut self, name: &str) -> usize {
        let canonical = canonical(name);
        if let Some(at) = self.canonical.iter().position(|known| *known == canonical) {
            return at;
        }
        self.shown.push(name.to_owned());
        self.canonical.push(canonical);
        self.canonical.len() - 1
    }

    /// The place of the bank's own symbol `name`.
    pub(crate) fn find_exact(&self, name: &str) -> Option<usize> {
        self.shown.iter().position(|known| known == name)
    }

    /// How the lexer spells the symbol at `place`.
    pub(crate) fn canonical(&self, place: usize) -> &str {
        self.canonical.get(place).map_or("", String::as_str)
    }

    /// The symbol at `place` as written in the bank.
    pub(crate) fn shown(&self, place: usize) -> &str {
        self.shown.get(place).map_or("", String::as_str)
    }

    /// The symbols as written in the bank, comma-separated.
    pub(crate) fn listed(&self) -> String {
        self.shown.join(", ")
    }

    /// The symbol called `word`: spelt so, as `dW` for `ΔW`, or in other case where that is unambiguous.
    pub(crate) fn find(&self, word: &str) -> Option<usize> {
        let exact = |word: &str| self.canonical.iter().position(|known| known == word);
        let delta = |word: &str| {
            let rest = word.strip_prefix("delta").or_else(|| word.strip_prefix("Delta")).or(word.strip_prefix('d'))?;
            let change = rest.starts_with(|c: char| c.is_ascii_uppercase());
            change.then(|| exact(&format!("delta{rest}")).or_else(|| exact(&format!("d{rest}")))).flatten()
        };
        exact(word).or_else(|| delta(word)).or_else(|| {
            let mut alike = (0..self.canonical.len()).filter(|&at| self.canonical[at].eq_ignore_ascii_case(word));
            alike.next().filter(|_| alike.next().is_none() && !is_english(word))
        })
    }

    /// Takes a word such as `BAx` apart into known symbols, longest first.
    pub(crate) fn split(&self, word: &str) -> Option<Vec<usize>> {
        if let Some(at) = self.find(word) {
            return Some(vec![at]);
        }
        if word.len() > MAX_GLUED || is_english(&word.to_lowercase()) || !word.is_ascii() {
            return None;
        }
        self.cut(word, false).or_else(|| self.cut(word, true))
    }

    fn cut(&self, word: &str, any_case: bool) -> Option<Vec<usize>> {
        // best[i]: the pieces of word[i..], filled from the end.
        let mut best: Vec<Option<Vec<usize>>> = vec![None; word.len() + 1];
        best[word.len()] = Some(Vec::new());
        for start in (0..word.len()).rev() {
            for end in (start + 1..=word.len()).rev() {
                let Some(rest) = &best[end] else { continue };
                let piece = &word[start..end];
                let found = self
                    .canonical
                    .iter()
                    .position(|known| if any_case { known.eq_ignore_ascii_case(piece) } else { known == piece });
                if let Some(symbol) = found {
                    let mut pieces = vec![symbol];
                    pieces.extend(rest);
                    best[start] = Some(pieces);
                    break;
                }
            }
        }
        best.swap_remove(0)
    }
}

/// A symbol's name as the lexer gives it: `W₀`, `W_0` and `W_{0}` are all `W0`.
fn canonical(name: &str) -> String {
    match lex(name, false) {
        Ok((_, tokens)) => tokens
            .iter()
            .map(|token| match &token.kind {
                Kind::Word(word) => word.clone(),
                Kind::Transpose => "'".to_owned(),
                _ => "?".to_owned(),
            })
            .collect(),
        Err(_) => name.to_owned(),
    }
}
