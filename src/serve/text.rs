//! Tokens to text, as they come: whole characters only, and nothing that may yet turn out to be a stop text.

use candle_core::Result;

use crate::{generate::TextStream, model::Tokenizer};

/// The text of one answer.
#[derive(Debug)]
pub(super) struct Text {
    stream: TextStream,
    /// Text that was not handed on yet.
    held: String,
    stop: Vec<String>,
}

impl Text {
    pub(super) fn new(stop: Vec<String>) -> Self {
        Self { stream: TextStream::default(), held: String::new(), stop }
    }

    /// Takes one token. Gives the text that is now certain, and whether a stop text ended it.
    pub(super) fn push(&mut self, id: u32, tokenizer: &Tokenizer) -> Result<(String, bool)> {
        self.held += &self.stream.push(id, tokenizer)?;
        if let Some(end) = self.stop.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(end);
            return Ok((std::mem::take(&mut self.held), true));
        }
        let kept = self.held.char_indices().map(|(place, _)| place).find(|place| self.may_stop(*place));
        let rest = self.held.split_off(kept.unwrap_or(self.held.len()));
        Ok((std::mem::replace(&mut self.held, rest), false))
    }

    /// What is left when no more tokens come.
    pub(super) fn finish(&mut self, tokenizer: &Tokenizer) -> Result<String> {
        Ok(std::mem::take(&mut self.held) + &self.stream.finish(tokenizer)?)
    }

    /// Whether the held text from `place` on is the beginning of a stop text.
    fn may_stop(&self, place: usize) -> bool {
        self.stop.iter().any(|stop| stop.starts_with(&self.held[place..]))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn run(text: &str, stop: &[&str]) -> (Vec<String>, bool) {
        let tokenizer = Tokenizer::characters();
        let mut answer = Text::new(stop.iter().map(|stop| (*stop).to_owned()).collect());
        let mut pieces = Vec::new();
        for id in tokenizer.encode(text).unwrap() {
            let (piece, stopped) = answer.push(id, &tokenizer).unwrap();
            pieces.push(piece);
            if stopped {
                return (pieces, true);
            }
        }
        pieces.push(answer.finish(&tokenizer).unwrap());
        (pieces, false)
    }

    #[test]
    fn stop_texts_never_show_and_false_alarms_do() {
        let (pieces, stopped) = run("abcXYd", &["XYZ"]);
        assert_eq!((pieces.concat().as_str(), stopped), ("abcXYd", false));
        assert_eq!(pieces[3], "", "held back while it may be a stop text");
        let (pieces, stopped) = run("abcXYZd", &["XYZ", "d"]);
        assert_eq!((pieces.concat().as_str(), stopped), ("abc", true));
        let (pieces, _) = run("abcXY", &["XYZ"]);
        assert_eq!(pieces.concat(), "abcXY");
        assert_eq!(run("ab", &[]).0, ["a", "b", ""]);
    }
}
