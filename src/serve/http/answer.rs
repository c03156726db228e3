//! Asks the engine and turns its events into one JSON object or into server-sent events.

use std::{convert::Infallible, sync::Arc, time::Instant};

use axum::{
    Json,
    http::HeaderMap,
    response::{IntoResponse, Response, Sse, sse},
};
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Server, auth, error::ApiError, sampling::Common};
use crate::serve::{Event, Fault, Reason, Request, Sink, metrics::add};

/// Which of the two interfaces asks: their JSON differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Completion,
    Chat,
}

/// Events to a handler. An answer has at most `max_tokens` of them, so the channel needs no bound of its own.
struct Channel(UnboundedSender<Event>);

impl Sink for Channel {
    fn send(&self, event: Event) {
        // A handler that is gone is noticed through `is_closed`.
        let _ = self.0.send(event);
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// What is the same in all JSON of one answer.
#[derive(Clone)]
struct Frame {
    kind: Kind,
    id: String,
    created: u64,
    model: String,
}

/// Answers a request for `prompt`.
pub(super) async fn answer(
    server: Arc<Server>,
    headers: &HeaderMap,
    (kind, common, prompt): (Kind, Common, Vec<u32>),
) -> Result<Response, ApiError> {
    let started = Instant::now();
    common.check()?;
    let tenant = auth::tenant(&server, headers)?;
    let adapter = auth::choose(&server, tenant, headers, (&common.model, common.user.as_deref(), common.task()))?;
    let left = server.base.context().saturating_sub(prompt.len());
    let asked = common.max_completion_tokens.or(common.max_tokens);
    let max_tokens = asked.unwrap_or(if kind == Kind::Chat { server.limits.max_tokens.min(left) } else { 16 });
    if prompt.is_empty() || max_tokens == 0 || max_tokens > left || max_tokens > server.limits.max_tokens {
        return Err(ApiError::bad_request(format!(
            "a prompt of {} tokens and an answer of {max_tokens}: both have at least one, together at most {}, and the answer at most {}",
            prompt.len(),
            server.base.context(),
            server.limits.max_tokens
        )));
    }
    let (sender, mut events) = unbounded_channel();
    let request = Request {
        tenant: tenant.name.clone(),
        adapter: adapter.clone(),
        prompt,
        max_tokens,
        sampling: common.sampling()?,
        stop: common.stop()?,
        deadline: started + server.limits.deadline,
        sink: Box::new(Channel(sender)),
    };
    server.queue.submit(request).inspect_err(|_| add(&server.metrics.refused, 1))?;
    add(&server.metrics.accepted, 1);
    let frame = Frame {
        kind,
        id: format!("{}-{:016x}", kind.prefix(), rand::random::<u64>()),
        created: now(),
        model: common.model.clone(),
    };
    let who = format!("{} {}", tenant.name, adapter.as_deref().unwrap_or(&server.name));
    // The status is decided by the first event: what fails before any text is an error, not a stream.
    let first = events.recv().await.unwrap_or(Event::Failed(Fault::Internal("the engine has ended".to_owned())));
    if let Event::Failed(fault) = &first {
        let error = ApiError::of_fault(fault, &common.model);
        server.note(&format!("{} {who}: {fault:?}", error.status()));
        return Err(error);
    }
    if common.stream == Some(true) {
        let usage = common.usage();
        return Ok(Sse::new(events_of(first, events, frame, usage)).into_response());
    }
    let (text, end) = collect(first, &mut events).await;
    let Event::Done { reason, prompt_tokens, generated_tokens } = end else {
        let fault = if let Event::Failed(fault) = end { fault } else { Fault::Internal(String::new()) };
        server.note(&format!("500 {who}: {fault:?}"));
        return Err(ApiError::of_fault(&fault, &common.model));
    };
    server.note(&format!(
        "200 {who}: {prompt_tokens} + {generated_tokens} tokens, {:.3} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(Json(frame.whole(&text, reason, prompt_tokens, generated_tokens)).into_response())
}

async fn collect(first: Event, events: &mut UnboundedReceiver<Event>) -> (String, Event) {
    let (mut text, mut event) = (String::new(), first);
    loop {
        match event {
            Event::Text(more) => text.push_str(&more),
            end => return (text, end),
        }
        event = events.recv().await.unwrap_or(Event::Failed(Fault::Internal("the engine has ended".to_owned())));
    }
}

/// The answer as server-sent events, closed by `[DONE]`.
fn events_of(
    first: Event,
    rest: UnboundedReceiver<Event>,
    frame: Frame,
    usage: bool,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let opening = (frame.kind == Kind::Chat).then(|| frame.chunk(json!({"role": "assistant", "content": ""}), None));
    let events = stream::iter([first])
        .chain(stream::unfold(rest, async |mut rest| rest.recv().await.map(|event| (event, rest))));
    let chunks = events.flat_map(move |event| {
        let mut chunks = Vec::new();
        match event {
            Event::Text(text) => chunks.push(frame.piece(&text).to_string()),
            Event::Done { reason, prompt_tokens, generated_tokens } => {
                chunks.push(frame.last(reason).to_string());
                if usage {
                    chunks.push(frame.usage(prompt_tokens, generated_tokens).to_string());
                }
                chunks.push("[DONE]".to_owned());
            }
            Event::Failed(fault) => chunks.push(ApiError::of_fault(&fault, &frame.model).json().to_string()),
        }
        stream::iter(chunks)
    });
    stream::iter(opening.map(|chunk| chunk.to_string())).chain(chunks).map(|data| Ok(sse::Event::default().data(data)))
}

fn now() -> u64 {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    clock.map_or(0, |time| time.as_secs())
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Completion => "cmpl",
            Self::Chat => "chatcmpl",
        }
    }
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

fn tokens(prompt: usize, generated: usize) -> Value {
    json!({"prompt_tokens": prompt, "completion_tokens": generated, "total_tokens": prompt + generated})
}

impl Frame {
    fn object(&self, object: &str, choices: Value) -> Value {
        json!({"id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices})
    }

    /// The whole answer.
    fn whole(&self, text: &str, reason: Reason, prompt: usize, generated: usize) -> Value {
        let reason = reason.name();
        let (object, choice) = match self.kind {
            Kind::Completion => {
                ("text_completion", json!({"index": 0, "text": text, "logprobs": null, "finish_reason": reason}))
            }
            Kind::Chat => (
                "chat.completion",
                json!({"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": null, "finish_reason": reason}),
            ),
        };
        let mut answer = self.object(object, json!([choice]));
        answer["usage"] = tokens(prompt, generated);
        answer
    }

    /// A piece of a chat.
    fn chunk(&self, delta: Value, reason: Option<Reason>) -> Value {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason.map(Reason::name)});
        self.object("chat.completion.chunk", json!([choice]))
    }

    fn piece(&self, text: &str) -> Value {
        match self.kind {
            Kind::Completion => self.object(
                "text_completion",
                json!([{"index": 0, "text": text, "logprobs": null, "finish_reason": null}]),
            ),
            Kind::Chat => self.chunk(json!({"content": text}), None),
        }
    }

    fn last(&self, reason: Reason) -> Value {
        match self.kind {
            Kind::Completion => {
                let choice = json!({"index": 0, "text": "", "logprobs": null, "finish_reason": reason.name()});
                self.object("text_completion", json!([choice]))
            }
            Kind::Chat => self.chunk(json!({}), Some(reason)),
        }
    }

    fn usage(&self, prompt: usize, generated: usize) -> Value {
        let object = if self.kind == Kind::Chat { "chat.completion.chunk" } else { "text_completion" };
        let mut chunk = self.object(object, json!([]));
        chunk["usage"] = tokens(prompt, generated);
        chunk
    }
}
