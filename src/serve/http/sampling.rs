//! The fields that completions and chats share, and what of OpenAI's interface is not here.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::{generate::Sampling, model::one_line};

/// The most stop texts, and the longest.
const STOPS: (usize, usize) = (4, 256);

/// Fields that would change the answer and are not supported, with the values that change nothing.
const UNSUPPORTED: [(&str, &[&str]); 14] = [
    ("n", &["1"]),
    ("best_of", &["1"]),
    ("echo", &["false"]),
    ("logprobs", &["false", "0"]),
    ("top_logprobs", &["0"]),
    ("logit_bias", &["{}"]),
    ("suffix", &["\"\""]),
    ("presence_penalty", &["0", "0.0"]),
    ("frequency_penalty", &["0", "0.0"]),
    ("tools", &["[]"]),
    ("functions", &["[]"]),
    ("response_format", &["{\"type\":\"text\"}"]),
    ("audio", &[]),
    ("prediction", &[]),
];

/// What both kinds of request say.
#[derive(Debug, Deserialize)]
pub(super) struct Common {
    pub(super) model: String,
    pub(super) max_tokens: Option<usize>,
    pub(super) max_completion_tokens: Option<usize>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
    #[serde(default)]
    pub(super) stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    pub(super) user: Option<String>,
    metadata: Option<Map<String, Value>>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Common {
    /// Refuses by name what is not supported.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        for (name, neutral) in UNSUPPORTED {
            match self.other.get(name) {
                None | Some(Value::Null) => {}
                Some(value) if neutral.contains(&value.to_string().as_str()) => {}
                Some(_) => return Err(ApiError::bad_request(format!("`{name}` is not supported with this value"))),
            }
        }
        Ok(())
    }

    /// How tokens are chosen; without a seed, the clock gives one.
    pub(super) fn sampling(&self) -> Result<Sampling, ApiError> {
        let temperature = self.temperature.unwrap_or(1.0);
        let top_p = self.top_p.unwrap_or(1.0);
        // OpenAI's limits; the sampler itself has no upper one.
        if !((0.0..=2.0).contains(&temperature) && top_p > 0.0 && top_p <= 1.0) {
            return Err(ApiError::bad_request("`temperature` is from 0 to 2, `top_p` above 0 and at most 1"));
        }
        let seed = self.seed.map_or_else(rand::random, |seed| seed.cast_unsigned());
        Sampling::new(temperature, top_p, seed).map_err(|error| ApiError::bad_request(one_line(&error)))
    }

    pub(super) fn stop(&self) -> Result<Vec<String>, ApiError> {
        let stop = match &self.stop {
            None => Vec::new(),
            Some(OneOrMany::One(stop)) => vec![stop.clone()],
            Some(OneOrMany::Many(stops)) => stops.clone(),
        };
        if stop.len() > STOPS.0 || stop.iter().any(|stop| stop.is_empty() || stop.len() > STOPS.1) {
            return Err(ApiError::bad_request(format!(
                "`stop` has at most {} texts of 1 to {} bytes",
                STOPS.0, STOPS.1
            )));
        }
        Ok(stop)
    }

    /// `metadata.task`.
    pub(super) fn task(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("task")?.as_str()
    }

    /// Whether a stream ends with the numbers of tokens.
    pub(super) fn usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }
}
