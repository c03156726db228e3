//! A second opinion on free text from any endpoint that speaks OpenAI's chat-completions protocol. Never required: whatever
//! becomes of it, the local grader's verdict stands.
//!
//! One question is put for each point of the rubric and each listed misconception: does the answer say this? The reply must be
//! exactly `{"met": …, "quote": "…"}`, with a quote that stands in the answer, or it is discarded. A learner's answer is
//! untrusted: `framing` fences it off with a line drawn anew for each request. As no fence holds every model, the first question
//! is a control: does the answer make a statement that has nothing to do with it? A judge that will not say no, because an answer
//! talked it round or because it agrees to anything, is not heard on that answer.
//!
//! `address` says where the judge is and which key it gets, `client` asks (`request` is the body, `fault` what can go wrong),
//! `reply` and `quote` read what comes back, `cache` keeps what counts, `finding` holds it against the local verdict.

mod address;
mod cache;
mod client;
mod fault;
mod finding;
mod framing;
mod quote;
mod reply;
mod request;

use std::time::Instant;

pub use address::{Address, Key};
pub use cache::{Cache, CacheError};
pub use client::Patience;
pub use fault::Fault;
pub use finding::{Finding, Judgement, Kind};
pub use reply::Discard;

use super::{
    bank::{Kind as QuestionKind, Rubric},
    grade::Instance,
    verdict::Verdict,
};
use client::Client;
use framing::{Data, Statement, VERSION, frame};
use reply::Ruling;

/// Answers in a row on which an endpoint may fail before it is left alone.
const FAILURES: u8 = 2;

/// A judge: an endpoint and a model on it.
#[derive(Debug)]
pub struct Judge {
    client: Client,
    model: String,
    cache: Option<Cache>,
    /// Answers in a row on which the endpoint failed.
    failed: u8,
}

/// What one answer is asked about.
struct Case<'a> {
    question: &'a str,
    data: &'a Data,
    deadline: Instant,
}

impl Judge {
    /// A judge that asks `model` at `address`; with a `cache`, what was asked before is not asked again.
    #[must_use]
    pub fn new(address: Address, key: Option<Key>, model: &str, patience: Patience, cache: Option<Cache>) -> Self {
        Self { client: Client::new(address, key, patience), model: model.to_owned(), cache, failed: 0 }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.client.address
    }

    /// Whether the endpoint failed so often that it is left alone from now on.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.failed >= FAILURES
    }

    /// Asks about every point and misconception of a free-text question; none for other kinds and for an empty answer.
    /// `watch` hears how many of how many questions were put.
    pub fn examine(
        &mut self,
        instance: &Instance<'_>,
        verdict: &Verdict,
        answer: &str,
        watch: &mut dyn FnMut(usize, usize),
    ) -> Option<Judgement> {
        let Some(QuestionKind::Text(rubric)) = QuestionKind::of(instance.question) else { return None };
        let data = Data::new(answer);
        if data.text.is_empty() {
            return None;
        }
        let sought = statements(rubric);
        let mut judgement = Judgement {
            endpoint: self.client.address.to_string(),
            model: self.model.clone(),
            findings: Vec::with_capacity(sought.len()),
            of: sought.len(),
            kept: 0,
            cut: data.cut,
            fault: self.gave_up().then_some(Fault::GivenUp(FAILURES)),
        };
        if judgement.fault.is_none() {
            let deadline = Instant::now() + self.client.patience.whole;
            let case = Case { question: &instance.text(), data: &data, deadline };
            judgement.fault = self.hear(&case, &sought, verdict, &mut judgement, watch).err();
            let failed = judgement.fault.as_ref().is_some_and(Fault::is_endpoints);
            self.failed = if failed { self.failed + 1 } else { 0 };
        }
        Some(judgement)
    }

    /// The control question, then the others in order.
    fn hear(
        &mut self,
        case: &Case<'_>,
        sought: &[(&str, Statement<'_>)],
        verdict: &Verdict,
        judgement: &mut Judgement,
        watch: &mut dyn FnMut(usize, usize),
    ) -> Result<(), Fault> {
        let of = sought.len() + 1;
        watch(0, of);
        let control = self.rule(case, framing::control(&cache::name(&[&case.data.text])), &mut judgement.kept)?;
        if !control.is_ok_and(|ruling| !ruling.met) {
            return Err(Fault::Control);
        }
        for (number, (id, statement)) in sought.iter().enumerate() {
            watch(number + 1, of);
            let ruled = self.rule(case, *statement, &mut judgement.kept)?;
            judgement.findings.push(Finding::new(id, statement.kind, statement.text, verdict, ruled));
        }
        Ok(())
    }

    /// One question: from the cache, or from the endpoint.
    fn rule(
        &mut self,
        case: &Case<'_>,
        statement: Statement<'_>,
        kept: &mut usize,
    ) -> Result<Result<Ruling, Discard>, Fault> {
        let kind = format!("{:?}", statement.kind);
        let parts =
            [VERSION, self.client.address.url(), &self.model, case.question, &kind, statement.text, &case.data.text];
        let name = cache::name(&parts);
        if let Some(text) = self.cache.as_ref().and_then(|cache| cache.get(&name)) {
            *kept += 1;
            return Ok(reply::ruling(&text, &case.data.text));
        }
        let framed = frame(case.question, statement, case.data, rand::random);
        let text = match reply::text(&self.client.ask(&self.model, &framed, case.deadline)?)? {
            Ok(text) => text,
            Err(discard) => return Ok(Err(discard)),
        };
        let ruled = reply::ruling(&text, &case.data.text);
        if let (Some(cache), Ok(_)) = (&self.cache, &ruled) {
            cache.put(&name, &text);
        }
        Ok(ruled)
    }
}

/// The rubric's points, then its misconceptions, by id.
fn statements(rubric: &Rubric) -> Vec<(&str, Statement<'_>)> {
    let points = rubric.points.iter().map(|point| (&point.id, Kind::Point, &point.text));
    let wrong = rubric.misconceptions.iter().map(|wrong| (&wrong.id, Kind::Misconception, &wrong.text));
    points.chain(wrong).map(|(id, kind, text)| (id.as_str(), Statement { kind, text })).collect()
}
