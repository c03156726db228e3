//! BERT's uncased tokens: text is lower-cased, accents go, punctuation stands alone, and each word is cut into the longest known pieces from
//! the left (WordPiece, Wu et al. 2016, as in BERT's `BasicTokenizer` and `WordpieceTokenizer`). Only ASCII pieces are known.

use std::collections::HashMap;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// BERT reads longer words as unknown.
const LONGEST_WORD: usize = 100;

/// A vocabulary of pieces.
#[derive(Debug)]
pub(super) struct WordPiece {
    pieces: HashMap<&'static str, u32>,
    longest: usize,
}

impl WordPiece {
    /// Reads a piece a line; a piece inside a word begins with `##`.
    pub(super) fn new(vocabulary: &'static str) -> Self {
        let pieces: HashMap<&str, u32> = vocabulary.lines().zip(0..).collect();
        let longest = pieces.keys().map(|piece| piece.len()).max().unwrap_or(0);
        Self { pieces, longest }
    }

    /// Numbers of the pieces of `text`; words that cannot be cut into known pieces are left out.
    pub(super) fn read(&self, text: &str) -> Vec<u32> {
        let mut found = Vec::new();
        let mut word = String::new();
        let plain = text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
        for character in plain {
            if character.is_whitespace() || character.is_control() {
                self.cut(&mut word, &mut found);
            } else if character.is_ascii_punctuation() || !(character.is_alphanumeric() || character.is_ascii()) {
                self.cut(&mut word, &mut found);
                word.push(character);
                self.cut(&mut word, &mut found);
            } else {
                word.push(character);
            }
        }
        self.cut(&mut word, &mut found);
        found
    }

    /// Cuts `word`, which is left empty.
    fn cut(&self, word: &mut String, found: &mut Vec<u32>) {
        let before = found.len();
        if word.is_ascii() && word.len() <= LONGEST_WORD {
            let mut start = 0;
            while start < word.len() {
                let mark = if start == 0 { "" } else { "##" };
                // No piece is longer than the longest, so that a word costs its length times a constant.
                let end = (start + 1..=word.len().min(start + self.longest))
                    .rev()
                    .find_map(|end| Some((end, *self.pieces.get(format!("{mark}{}", &word[start..end]).as_str())?)));
                let Some((end, piece)) = end else {
                    found.truncate(before);
                    break;
                };
                found.push(piece);
                start = end;
            }
        }
        word.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_into_the_longest_known_pieces() {
        let pieces = WordPiece::new("low\n##rank\n-\nrank\n##r\ncafe");
        assert_eq!(pieces.read("Low-rank"), [0, 2, 3]);
        assert_eq!(pieces.read("lowrank, lowr"), [0, 1, 0, 4]);
        assert_eq!(pieces.read("Café"), [5]);
        assert!(pieces.read("lowx 漢字").is_empty());
        assert!(pieces.read(&"low".repeat(40)).is_empty());
    }
}
