//! The tiny base's tokens: one per character.

use candle_core::{Result, bail};

/// The characters, in order of their ids. The first pads batches; `.` ends an answer.
const CHARACTERS: &str = "_.:>+ 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Id that fills short rows of a batch.
pub const PAD: u32 = 0;

/// Id of `.`, which ends an answer.
pub const END: u32 = 1;

/// Number of tokens.
#[must_use]
pub fn vocabulary() -> usize {
    CHARACTERS.len()
}

/// The characters in order of their ids.
pub(super) fn characters() -> impl Iterator<Item = char> {
    CHARACTERS.chars()
}

/// Ids of `text`.
///
/// # Errors
/// A character is outside the vocabulary.
pub fn encode(text: &str) -> Result<Vec<u32>> {
    text.chars()
        .map(|character| match CHARACTERS.find(character) {
            Some(id) if character != '_' => Ok(id as u32),
            _ => bail!("the tiny base does not know the character {character:?}; it reads {}", &CHARACTERS[1..]),
        })
        .collect()
}

/// Text of `ids`; padding vanishes, ids outside the vocabulary become `?`.
#[must_use]
pub fn decode(ids: &[u32]) -> String {
    let characters = CHARACTERS.as_bytes();
    ids.iter()
        .filter(|id| **id != PAD)
        .map(|id| characters.get(*id as usize).map_or('?', |byte| *byte as char))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn text_survives_the_round_trip_and_foreign_characters_are_named() {
        assert_eq!(decode(&encode("rev:abC>Cba.").unwrap()), "rev:abC>Cba.");
        assert_eq!(encode(".").unwrap(), [END]);
        assert!(encode("é").unwrap_err().to_string().contains("'é'"));
        assert!(encode("_").is_err());
        assert_eq!(decode(&[PAD, 9999]), "?");
    }
}
