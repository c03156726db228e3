//! Text to token ids and back.

use std::collections::BTreeMap;

use candle_core::{Error, Result, bail};

use crate::model::tokens;

/// The tokenizer of a base.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    kind: Kind,
    /// Ids that end an answer; the first is the one that training writes.
    ends: Vec<u32>,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The tiny base's: one token a character.
    Characters,
    /// Hugging Face's.
    Pieces(Box<tokenizers::Tokenizer>),
}

impl Tokenizer {
    /// The tiny base's tokenizer.
    #[must_use]
    pub fn characters() -> Self {
        Self { kind: Kind::Characters, ends: vec![tokens::END] }
    }

    /// A tokenizer of the `tokenizers` library; `ends` are the ids that end an answer.
    ///
    /// # Errors
    /// An end is outside the vocabulary.
    pub fn new(mut pieces: tokenizers::Tokenizer, ends: Vec<u32>) -> Result<Self> {
        // A file may ask for padding or truncation, which would change the ids without a word.
        pieces.with_padding(None);
        pieces.with_truncation(None).map_err(Error::msg)?;
        Self { kind: Kind::Pieces(Box::new(pieces)), ends: Vec::new() }.with_ends(ends)
    }

    /// The same with other ends.
    ///
    /// # Errors
    /// As [`Tokenizer::new`].
    pub fn with_ends(mut self, ends: Vec<u32>) -> Result<Self> {
        if let Some(id) = ends.iter().find(|id| self.token(**id).is_none()) {
            bail!("the end token {id} is not in the tokenizer's vocabulary");
        }
        self.ends = ends;
        Ok(self)
    }

    /// The text of a `tokenizer.json`.
    ///
    /// # Errors
    /// It is no tokenizer.
    pub fn from_json(text: &str, ends: Vec<u32>) -> Result<Self> {
        Self::new(text.parse().map_err(Error::msg)?, ends)
    }

    /// Ids of `text`, after a begin token where the model wants one.
    ///
    /// # Errors
    /// The tiny base does not know a character.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.ids(text, true)
    }

    /// Ids of `text` and nothing else: for what a chat template wrote, and for what follows other text.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_bare(&self, text: &str) -> Result<Vec<u32>> {
        self.ids(text, false)
    }

    /// Ids of an answer, closed by an end token unless it has one.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_answer(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = self.encode_bare(text)?;
        if let Some(end) = self.ends.first().filter(|_| !ids.last().is_some_and(|id| self.is_end(*id))) {
            ids.push(*end);
        }
        Ok(ids)
    }

    fn ids(&self, text: &str, special: bool) -> Result<Vec<u32>> {
        match &self.kind {
            Kind::Characters => tokens::encode(text),
            Kind::Pieces(pieces) => Ok(pieces.encode_fast(text, special).map_err(Error::msg)?.get_ids().to_vec()),
        }
    }

    /// Text of `ids`, without special tokens.
    ///
    /// # Errors
    /// The tokenizer's decoder fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        match &self.kind {
            Kind::Characters => Ok(tokens::decode(ids)),
            Kind::Pieces(pieces) => pieces.decode(ids, true).map_err(Error::msg),
        }
    }

    /// The token `id` as the vocabulary writes it, special or not.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<String> {
        match &self.kind {
            Kind::Characters => ((id as usize) < tokens::vocabulary()).then(|| tokens::decode(&[id])),
            Kind::Pieces(pieces) => pieces.id_to_token(id),
        }
    }

    /// The id of a token of the vocabulary.
    #[must_use]
    pub fn id(&self, token: &str) -> Option<u32> {
        match &self.kind {
            Kind::Characters => tokens::encode(token).ok().filter(|ids| ids.len() == 1).map(|ids| ids[0]),
            Kind::Pieces(pieces) => pieces.token_to_id(token),
        }
    }

    /// Ids that end an answer.
    #[must_use]
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Whether `id` ends an answer.
    #[must_use]
    pub fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// An id to fill short rows of a batch with.
    #[must_use]
    pub fn pad(&self) -> u32 {
        match self.kind {
            Kind::Characters => tokens::PAD,
            Kind::Pieces(_) => self.ends.first().copied().unwrap_or(0),
        }
    }

    /// The text of a `tokenizer.json`, which transformers reads too.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        let pieces = match &self.kind {
            Kind::Pieces(pieces) => return pieces.to_string(false).map_err(Error::msg),
            Kind::Characters => tokens::characters().zip(0..).map(|(token, id)| (token.to_string(), id)),
        };
        let vocabulary: BTreeMap<String, u32> = pieces.collect();
        // The unknown token is in no vocabulary, so an unknown character is an error.
        let json = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": false},
            "post_processor": null, "decoder": {"type": "Fuse"},
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unknown>"},
        });
        Ok(json.to_string())
    }

    /// Number of tokens.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        match &self.kind {
            Kind::Characters => tokens::vocabulary(),
            Kind::Pieces(pieces) => pieces.get_vocab_size(true),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_tiny_bases_answers_end_with_a_full_stop_once() {
        let tiny = Tokenizer::characters();
        assert_eq!(tiny.encode_answer("AB").unwrap(), tiny.encode_answer("AB.").unwrap());
        assert_eq!(tiny.decode(&tiny.encode_answer("AB").unwrap()).unwrap(), "AB.");
        assert!(tiny.is_end(tiny.id(".").unwrap()));
        assert_eq!((tiny.id("ab"), tiny.token(68)), (None, None));
    }

    #[test]
    fn the_tiny_bases_tokenizer_can_be_written_for_others() {
        let tiny = Tokenizer::characters();
        let read = Tokenizer::from_json(&tiny.to_json().unwrap(), tiny.ends().to_vec()).unwrap();
        let text = "rev: abC+9>Cba.";
        assert_eq!(read.encode(text).unwrap(), tiny.encode(text).unwrap());
        assert_eq!(read.decode(&tiny.encode(text).unwrap()).unwrap(), text);
        assert_eq!(read.vocabulary(), tiny.vocabulary());
        assert!(read.encode("é").is_err());
    }

    #[test]
    fn garbage_and_ends_outside_the_vocabulary_are_errors() {
        assert!(Tokenizer::from_json("{}", vec![]).is_err());
        let json = r#"{"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
            "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "a"}}"#;
        assert_eq!(Tokenizer::from_json(json, vec![0]).unwrap().encode("aa").unwrap(), [0, 0]);
        assert!(Tokenizer::from_json(json, vec![1]).unwrap_err().to_string().contains("end token 1"));
    }
}
