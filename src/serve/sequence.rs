//! A running sequence: what of its prompt is still to be read, and what became of each token that came out.

use std::sync::Arc;

use candle_core::Result;

use super::{Event, Fault, Loaded, Metrics, PagedCache, Reason, Request, metrics::add, text::Text};
use crate::{
    generate::Sampler,
    model::{Base, one_line},
};

/// A running sequence.
pub(super) struct Sequence {
    pub(super) request: Request,
    pub(super) adapter: Option<Arc<Loaded>>,
    pub(super) cache: PagedCache,
    /// Tokens that are not in the cache yet; the last one's logits give the next.
    pub(super) pending: Vec<u32>,
    prompt_tokens: usize,
    generated: usize,
    sampler: Sampler,
    text: Text,
    pub(super) ended: bool,
}

impl Sequence {
    pub(super) fn new(mut request: Request, adapter: Option<Arc<Loaded>>, cache: PagedCache) -> Self {
        let pending = std::mem::take(&mut request.prompt);
        let (sampler, text) = (Sampler::new(request.sampling), Text::new(std::mem::take(&mut request.stop)));
        let prompt_tokens = pending.len();
        Self { request, adapter, cache, pending, prompt_tokens, generated: 0, sampler, text, ended: false }
    }

    /// Takes in the logits after the first `tokens` of what was pending.
    pub(super) fn advance(&mut self, tokens: usize, logits: Result<Vec<f32>>, base: &Base, metrics: &Metrics) {
        let logits = match logits {
            Ok(logits) => logits,
            Err(error) => return self.fail(one_line(&error), metrics),
        };
        if self.generated == 0 {
            add(&metrics.prompt_tokens, tokens as u64);
        }
        self.pending.drain(..tokens);
        if !self.pending.is_empty() {
            return;
        }
        let id = match self.sampler.next(&logits) {
            Ok(id) => id,
            Err(error) => return self.fail(one_line(&error), metrics),
        };
        self.generated += 1;
        add(&metrics.generated_tokens, 1);
        if let Err(error) = self.take(id, base, metrics) {
            self.fail(one_line(&error), metrics);
        }
    }

    fn take(&mut self, id: u32, base: &Base, metrics: &Metrics) -> Result<()> {
        if base.tokenizer.is_end(id) {
            let rest = self.text.finish(&base.tokenizer)?;
            self.say(rest);
            self.end(Reason::Stop, metrics);
            return Ok(());
        }
        let (text, stopped) = self.text.push(id, &base.tokenizer)?;
        self.say(text);
        if stopped {
            self.end(Reason::Stop, metrics);
        } else if self.generated == self.request.max_tokens {
            let rest = self.text.finish(&base.tokenizer)?;
            self.say(rest);
            self.end(Reason::Length, metrics);
        } else {
            self.pending.push(id);
        }
        Ok(())
    }

    fn say(&self, text: String) {
        if !text.is_empty() {
            self.request.sink.send(Event::Text(text));
        }
    }

    fn end(&mut self, reason: Reason, metrics: &Metrics) {
        self.ended = true;
        add(&metrics.completed, 1);
        let (prompt_tokens, generated_tokens) = (self.prompt_tokens, self.generated);
        self.request.sink.send(Event::Done { reason, prompt_tokens, generated_tokens });
    }

    pub(super) fn fail(&mut self, why: String, metrics: &Metrics) {
        self.ended = true;
        add(&metrics.failed, 1);
        self.request.sink.send(Event::Failed(Fault::Internal(why)));
    }
}
