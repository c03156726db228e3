//! What an endpoint's reply says: the protocol's envelope read leniently, the judgement in it strictly.

use serde::Deserialize;

use super::{fault::Fault, quote};

/// Longest text of a judgement, in bytes: an answer's longest quote fits in it.
const LONGEST: usize = 20_000;

/// Why a reply counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Discard {
    /// The model declined to answer.
    #[error("the model declined")]
    Declined,
    /// The text stops at the limit of tokens.
    #[error("the reply is cut off")]
    CutOff,
    /// Not the one JSON object that was asked for.
    #[error("the reply is not the JSON that was asked for")]
    Shape,
    /// `met` without a quote.
    #[error("it quotes nothing")]
    NoQuote,
    /// A quote that the learner did not write.
    #[error("its quote is not in the answer")]
    ForeignQuote,
}

/// A judgement on one statement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ruling {
    pub(super) met: bool,
    pub(super) quote: String,
}

/// The envelope. Servers add fields of their own: only what is needed is read.
#[derive(Deserialize)]
struct Envelope {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

/// The model's text in a response's `body`, or why there is none.
///
/// # Errors
/// The body is not of the chat-completions protocol.
pub(super) fn text(body: &[u8]) -> Result<Result<String, Discard>, Fault> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| Fault::Foreign("its response is not JSON"))?;
    let envelope: Envelope =
        serde_json::from_value(value).map_err(|_| Fault::Foreign("its JSON holds no choices with a message"))?;
    let choice = envelope.choices.into_iter().next().ok_or(Fault::Foreign("it sent no choice"))?;
    let reason = choice.finish_reason.as_deref().unwrap_or_default();
    if choice.message.refusal.is_some_and(|refusal| !refusal.is_empty()) || reason == "content_filter" {
        return Ok(Err(Discard::Declined));
    }
    Ok(match choice.message.content {
        _ if reason == "length" => Err(Discard::CutOff),
        Some(text) if text.len() > LONGEST => Err(Discard::Shape),
        Some(text) => Ok(text),
        None => Err(Discard::Shape),
    })
}

/// The judgement in a model's `text`: exactly one JSON object with `met` and `quote`, and a quote that stands in `answer`.
///
/// # Errors
/// Why it counts for nothing.
pub(super) fn ruling(text: &str, answer: &str) -> Result<Ruling, Discard> {
    let ruling: Ruling = serde_json::from_str(text).map_err(|_| Discard::Shape)?;
    match (ruling.met, ruling.quote.trim().is_empty()) {
        (true, true) => Err(Discard::NoQuote),
        (false, true) => Ok(ruling),
        _ if quote::occurs(&ruling.quote, answer) => Ok(ruling),
        _ => Err(Discard::ForeignQuote),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_object_that_was_asked_for_counts() {
        let judged = |text: &str| ruling(text, "B is zero").map(|ruling| ruling.met);
        assert_eq!(judged(r#"{"met": true, "quote": "b is zero"}"#), Ok(true));
        assert_eq!(judged("\n {\"quote\": \"\", \"met\": false}\n"), Ok(false));
        for text in [
            "",
            "true",
            "yes",
            "{}",
            r#"{"met": true}"#,
            r#"{"met": "true", "quote": "B"}"#,
            r#"{"met": 1, "quote": "B"}"#,
            r#"{"met": true, "quote": null}"#,
            r#"{"met": true, "quote": "B", "why": "x"}"#,
            r#"{"met": false, "met": true, "quote": "B"}"#,
            r#"{"met": true, "quote": "B"} {"met": true, "quote": "B"}"#,
            r#"Sure! {"met": true, "quote": "B"}"#,
            "```json\n{\"met\": true, \"quote\": \"B\"}\n```",
            r#"[{"met": true, "quote": "B"}]"#,
        ] {
            assert_eq!(judged(text), Err(Discard::Shape), "{text}");
        }
        assert_eq!(judged(r#"{"met": true, "quote": " "}"#), Err(Discard::NoQuote));
        assert_eq!(judged(r#"{"met": true, "quote": "A is zero"}"#), Err(Discard::ForeignQuote));
        assert_eq!(judged(r#"{"met": false, "quote": "A is zero"}"#), Err(Discard::ForeignQuote));
    }

    #[test]
    fn envelopes_are_read_leniently_and_refused_by_name() {
        let read = |body: &str| text(body.as_bytes());
        let body = r#"{"id": 1, "choices": [{"index": 0, "message": {"role": "assistant", "content": "x", "n": []}}]}"#;
        assert_eq!(read(body), Ok(Ok("x".to_owned())));
        for (body, discard) in [
            (r#"{"choices": [{"message": {"content": null, "refusal": "no"}}]}"#, Discard::Declined),
            (r#"{"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}"#, Discard::Declined),
            (r#"{"choices": [{"message": {"content": "{"}, "finish_reason": "length"}]}"#, Discard::CutOff),
            (r#"{"choices": [{"message": {}}]}"#, Discard::Shape),
        ] {
            assert_eq!(read(body), Ok(Err(discard)), "{body}");
        }
        for body in ["", "<html>", "\u{0}", "[]", "{}", r#"{"choices": []}"#, r#"{"choices": [{"text": "x"}]}"#] {
            assert!(matches!(read(body), Err(Fault::Foreign(_))), "{body}");
        }
        assert!(matches!(text(&[0xff, 0xfe]), Err(Fault::Foreign(_))));
        assert!(matches!(text("[".repeat(100_000).as_bytes()), Err(Fault::Foreign(_))));
    }
}
