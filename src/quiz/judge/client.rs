//! One question to the endpoint and its reply: time and size bounded, tried again where that can help.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use rand::Rng as _;
use serde::Deserialize;
use ureq::{
    Agent, Body, Error, Timeout,
    http::{Response, header},
};

use super::{
    address::{Address, Key},
    fault::Fault,
    framing::Framed,
    request::Form,
};

/// Longest response that is read, in bytes.
const LONGEST_RESPONSE: u64 = 256 << 10;

/// Longest error text that is read, and that is shown of it.
const LONGEST_ERROR: u64 = 8 << 10;
const SHOWN_ERROR: usize = 160;

/// How often a question is put before the endpoint counts as failed.
const ATTEMPTS: u32 = 3;

/// The pause before the second try; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause that an endpoint may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long the endpoint may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the connection, encryption included.
    pub connect: Duration,
    /// For the next byte of a response.
    pub silence: Duration,
    /// For one question, from connecting to the last byte.
    pub request: Duration,
    /// For all questions about one answer, with pauses and further tries.
    pub whole: Duration,
}

impl Patience {
    /// Divides up the time for one answer: a connection has at most 5 s, a silence a third, a question half of it.
    #[must_use]
    pub fn of(whole: Duration) -> Self {
        Self { connect: whole.min(Duration::from_secs(5)), silence: whole / 3, request: whole / 2, whole }
    }
}

/// Asks one endpoint.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    pub(super) address: Address,
    key: Option<Key>,
    pub(super) patience: Patience,
    form: Form,
}

impl Client {
    pub(super) fn new(address: Address, key: Option<Key>, patience: Patience) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect could take the learner's words to another host.
            .max_redirects(0)
            .user_agent(concat!("deltaw/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_per_read(Some(patience.silence));
        // What is said to this machine stays on it.
        let config = if address.is_local() { config.proxy(None) } else { config };
        Self { agent: config.build().new_agent(), address, key, patience, form: Form::Schema }
    }

    /// The response to `framed`, in the strictest form that the endpoint takes.
    pub(super) fn ask(&mut self, model: &str, framed: &Framed, deadline: Instant) -> Result<Vec<u8>, Fault> {
        let mut form = self.form;
        loop {
            let result = self.insist(form.body(model, framed).to_string().as_bytes(), deadline);
            match (&result, form.plainer()) {
                (Err(Fault::Status { code: 400 | 422, .. }), Some(plainer)) => form = plainer,
                (Ok(_), _) => {
                    self.form = form;
                    return result;
                }
                _ => return result,
            }
        }
    }

    /// Asks again where the endpoint is busy or the connection broke.
    fn insist(&self, body: &[u8], deadline: Instant) -> Result<Vec<u8>, Fault> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            let fault = match self.post(body, deadline) {
                Ok(response) => return Ok(response),
                Err(fault) => fault,
            };
            let Some(wait) = fault.wait(pause) else { return Err(fault) };
            if wait > LONGEST_PAUSE {
                return Err(Fault::Wait(wait.as_secs()));
            }
            // A class that was turned away together does not come back together.
            let wait = wait + rand::rng().random_range(Duration::ZERO..pause / 2);
            if wait >= left(deadline) {
                return Err(fault);
            }
            thread::sleep(wait);
            pause *= 2;
        }
        self.post(body, deadline)
    }

    fn post(&self, body: &[u8], deadline: Instant) -> Result<Vec<u8>, Fault> {
        let limit = self.patience.request.min(left(deadline));
        if limit.is_zero() {
            return Err(Fault::Deadline(self.patience.whole));
        }
        let mut request = self.agent.post(self.address.url()).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, key.header());
        }
        let named = |error| self.fault(error, limit);
        let mut response = request.config().timeout_global(Some(limit)).build().send(body).map_err(named)?;
        match response.status().as_u16() {
            200 => {}
            code @ (401 | 403) => return Err(Fault::Access { code, advice: self.advice() }),
            code => return Err(self.refusal(code, &mut response)),
        }
        response.body_mut().with_config().limit(LONGEST_RESPONSE).read_to_vec().map_err(named)
    }

    fn advice(&self) -> &'static str {
        match self.key {
            Some(_) => "it does not take the key, or the key may not use this model",
            None => "it wants a key; put it into DELTAW_JUDGE_KEY",
        }
    }

    /// What a status other than 200 means, with the endpoint's own words where it has some.
    fn refusal(&self, code: u16, response: &mut Response<Body>) -> Fault {
        let waits = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = waits.and_then(|value| value.trim().parse().ok());
        let body = response.body_mut().with_config().limit(LONGEST_ERROR).read_to_vec().unwrap_or_default();
        let message = match code {
            300..=399 => ": it redirects; give the address that it leads to".to_owned(),
            _ => explanation(&body).map_or_else(String::new, |text| format!(": {}", self.shown(&text))),
        };
        Fault::Status { code, message, retry_after }
    }

    /// The start of a foreign text, safe to show.
    fn shown(&self, text: &str) -> String {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text = self.key.as_ref().map_or_else(|| text.clone(), |key| key.strike(&text));
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN_ERROR).collect()
    }

    fn fault(&self, error: Error, limit: Duration) -> Fault {
        match error {
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Fault::Unreachable(format!("no connection within {:.1?}", self.patience.connect))
            }
            Error::Timeout(Timeout::PerRead) => Fault::Silent(self.patience.silence),
            Error::Timeout(_) if limit < self.patience.request => Fault::Deadline(self.patience.whole),
            Error::Timeout(_) => Fault::Slow(limit),
            Error::BodyExceedsLimit(bytes) => Fault::TooLarge(bytes),
            Error::HostNotFound => Fault::Unreachable("no host has this name".to_owned()),
            Error::Io(error) if !broke_off(&error) => Fault::Unreachable(self.shown(&error.to_string())),
            Error::Tls(_) | Error::Rustls(_) | Error::ConnectionFailed | Error::ConnectProxyFailed(_) => {
                Fault::Unreachable(self.shown(&error.to_string()))
            }
            other => Fault::Broken(self.shown(&other.to_string())),
        }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Whether there was a connection before the error; a name that cannot be looked up has no kind of its own.
fn broke_off(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::UnexpectedEof | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::InvalidData
    )
}

/// Both shapes in which endpoints explain an error.
#[derive(Deserialize)]
#[serde(untagged)]
enum Explained {
    Object { error: Explanation },
    Text { error: String },
}

#[derive(Deserialize)]
struct Explanation {
    message: String,
}

fn explanation(body: &[u8]) -> Option<String> {
    serde_json::from_slice(body).ok().map(|explained| match explained {
        Explained::Object { error } => error.message,
        Explained::Text { error } => error,
    })
}
