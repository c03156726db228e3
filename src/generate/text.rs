//! Tokens to text as they come. A character of several bytes may be spread over tokens; it is given out when it is whole.

use candle_core::Result;

use crate::model::Tokenizer;

/// What a decoder writes for bytes that are no character (yet).
const BROKEN: char = '\u{fffd}';

/// The text of one growing sequence.
#[derive(Debug, Clone, Default)]
pub struct TextStream {
    /// The last tokens given out, as context for the decoder, and those that wait.
    ids: Vec<u32>,
    /// How many of `ids` are given out.
    out: usize,
}

impl TextStream {
    /// Takes a token; gives what is now certain of the text, which may be nothing.
    ///
    /// # Errors
    /// The tokenizer's decoder fails.
    pub fn push(&mut self, id: u32, tokenizer: &Tokenizer) -> Result<String> {
        self.ids.push(id);
        let text = self.waiting(tokenizer)?;
        if text.is_empty() || text.ends_with(BROKEN) {
            return Ok(String::new());
        }
        self.ids.drain(..self.out);
        self.out = self.ids.len();
        Ok(text)
    }

    /// The rest, when no token follows: an unfinished character becomes �.
    ///
    /// # Errors
    /// The tokenizer's decoder fails.
    pub fn finish(&mut self, tokenizer: &Tokenizer) -> Result<String> {
        let text = self.waiting(tokenizer)?;
        self.out = self.ids.len();
        Ok(text)
    }

    /// Text of the tokens that are not given out. A decoder may write a token differently at the beginning, so both texts begin alike.
    fn waiting(&self, tokenizer: &Tokenizer) -> Result<String> {
        let (before, all) = (tokenizer.decode(&self.ids[..self.out])?, tokenizer.decode(&self.ids)?);
        Ok(all.strip_prefix(&before).unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Byte-level tokens: each byte of é and 🙂 for itself.
    fn bytes() -> Tokenizer {
        let json = r#"{"version": "1.0", "added_tokens": [{"id": 7, "content": "<end>", "special": true, "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false}],
            "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "model": {"type": "BPE", "vocab": {"a": 0, "Ã": 1, "©": 2, "ð": 3, "Ł": 4, "Ļ": 5, "Ĥ": 6, "<end>": 7}, "merges": []}}"#;
        Tokenizer::from_json(json, vec![7]).unwrap()
    }

    #[test]
    fn characters_come_whole_and_the_pieces_are_the_text() {
        let tokenizer = bytes();
        let mut stream = TextStream::default();
        let pieces: Vec<String> =
            [0, 1, 2, 0, 3, 4, 5, 6, 7].iter().map(|id| stream.push(*id, &tokenizer).unwrap()).collect();
        assert_eq!(pieces, ["a", "", "é", "a", "", "", "", "🙂", ""]);
        assert_eq!(stream.finish(&tokenizer).unwrap(), "");
        stream.push(3, &tokenizer).unwrap();
        assert_eq!(stream.finish(&tokenizer).unwrap(), "\u{fffd}");
    }

    #[test]
    fn what_is_kept_does_not_grow_with_the_text() {
        let tokenizer = bytes();
        let mut stream = TextStream::default();
        for _ in 0..100 {
            stream.push(0, &tokenizer).unwrap();
        }
        assert!(stream.ids.len() <= 2);
    }
}
