//! One answer as it is written.

use candle_core::{Result, bail};

use super::{Sampler, Sampling, TextStream};
use crate::{
    device::down,
    model::{Base, Doors, KeyValues as _, KvCache, Span},
};

/// Tokens of a prompt that are read at once: scores of attention need memory for this many times the context.
const CHUNK: usize = 256;

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The model wrote an end token.
    End,
    /// As many tokens as were asked for.
    Length,
    /// The model reads no longer sequence.
    Context,
}

impl Stop {
    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Length => "length",
            Self::Context => "context",
        }
    }
}

/// An answer in the making.
pub struct Generation<'a> {
    base: &'a Base,
    doors: &'a dyn Doors,
    cache: KvCache,
    sampler: Sampler,
    text: TextStream,
    /// After the last token.
    logits: Vec<f32>,
    ids: Vec<u32>,
    limit: usize,
    stop: Option<Stop>,
}

impl<'a> Generation<'a> {
    /// Reads `prompt` and stands before the first token of an answer of at most `limit` tokens.
    ///
    /// # Errors
    /// The prompt is empty or leaves no room in the context, or an id is outside the vocabulary.
    pub fn new(base: &'a Base, doors: &'a dyn Doors, prompt: &[u32], limit: usize, sampling: Sampling) -> Result<Self> {
        let (count, context) = (prompt.len() + doors.cached_positions(), base.context());
        if count >= context {
            bail!(
                "the prompt takes {count} of the {context} tokens that `{}` can read; nothing is left for an answer",
                base.name
            );
        }
        let mut cache = KvCache::new(base.model.config());
        let mut logits = Vec::new();
        for ids in prompt.chunks(CHUNK) {
            logits = extend(base, doors, &mut cache, ids)?;
        }
        if logits.is_empty() {
            bail!("the prompt is empty: there is nothing to go on from");
        }
        let (sampler, text) = (Sampler::new(sampling), TextStream::default());
        Ok(Self { base, doors, cache, sampler, text, logits, ids: Vec::new(), limit, stop: None })
    }

    /// The next piece of the text, which may be empty when a token completes no character; nothing when the answer has ended.
    ///
    /// # Errors
    /// A tensor operation fails, or the model's logits are NaN.
    pub fn next_piece(&mut self) -> Result<Option<String>> {
        if self.stop.is_some() {
            return Ok(None);
        }
        if self.ids.len() >= self.limit {
            return self.end(Stop::Length);
        }
        let id = self.sampler.next(&self.logits)?;
        self.ids.push(id);
        let piece = self.text.push(id, &self.base.tokenizer)?;
        if self.base.tokenizer.is_end(id) {
            let rest = self.end(Stop::End)?.unwrap_or_default();
            return Ok(Some(piece + &rest));
        }
        if self.cache.len() >= self.base.context() {
            let rest = self.end(Stop::Context)?.unwrap_or_default();
            return Ok(Some(piece + &rest));
        }
        if self.ids.len() < self.limit {
            self.logits = extend(self.base, self.doors, &mut self.cache, &[id])?;
        }
        Ok(Some(piece))
    }

    fn end(&mut self, stop: Stop) -> Result<Option<String>> {
        self.stop = Some(stop);
        let rest = self.text.finish(&self.base.tokenizer)?;
        Ok((!rest.is_empty()).then_some(rest))
    }

    /// The tokens written so far, an end token included.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Why the answer ended, if it has.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        self.stop
    }
}

/// Logits (vocab) after `ids`.
fn extend(base: &Base, doors: &dyn Doors, cache: &mut KvCache, ids: &[u32]) -> Result<Vec<f32>> {
    down(&base.model.extend(&mut [Span { ids, cache }], doors)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;
    use crate::model::{Config, Decoder, Shut};

    fn written(base: &Base, prompt: &str, limit: usize) -> Result<(String, Stop)> {
        let prompt = base.tokenizer.encode(prompt)?;
        let (mut text, mut answer) = (String::new(), Generation::new(base, &Shut, &prompt, limit, Sampling::Greedy)?);
        while let Some(piece) = answer.next_piece()? {
            text += &piece;
        }
        Ok((text, answer.stop().unwrap()))
    }

    fn with_context(base: Base, context: usize) -> Base {
        let config = Config { max_position_embeddings: Some(context), ..base.model.config().clone() };
        Base { model: Decoder::new(config, &base.model.tensors()).unwrap(), ..base }
    }

    #[test]
    fn length_and_context_end_an_answer_and_a_prompt_without_room_is_an_error() {
        let base = Base::tiny(&Device::Cpu).unwrap();
        assert_eq!(written(&base, "up:abcd>", 2).unwrap(), ("AB".to_owned(), Stop::Length));
        assert_eq!(written(&base, "up:abcd>", 0).unwrap(), (String::new(), Stop::Length));
        assert!(written(&base, "", 2).is_err());
        let short = with_context(base, 10);
        assert_eq!(written(&short, "up:abcd>", 9).unwrap(), ("ABC".to_owned(), Stop::Context));
        let error = written(&short, "up:abcdef>", 9).unwrap_err().to_string();
        assert!(error.contains("10 of the 10 tokens") && error.contains("`tiny`"), "{error}");
    }
}
