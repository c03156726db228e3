//! The body of a request, in the strictest form that the endpoint takes.

use serde_json::{Value, json};

use super::framing::Framed;

/// Longest reply that is asked for, in tokens.
const TOKENS: u32 = 400;

/// How much of the protocol an endpoint is asked to honour. Not all take a schema, and some models of OpenAI's take neither a
/// temperature nor `max_tokens`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// With a JSON schema that holds the model to the judgement's shape.
    Schema,
    /// Temperature 0 and a bound on the reply.
    Plain,
    /// The messages alone.
    Bare,
}

impl Form {
    /// The next form, which asks for less.
    pub(super) fn plainer(self) -> Option<Self> {
        match self {
            Self::Schema => Some(Self::Plain),
            Self::Plain => Some(Self::Bare),
            Self::Bare => None,
        }
    }

    /// The body that puts `framed` to `model`.
    pub(super) fn body(self, model: &str, framed: &Framed) -> Value {
        let mut body = json!({
            "model": model,
            "messages": [{"role": "system", "content": framed.system}, {"role": "user", "content": framed.user}],
        });
        if self != Self::Bare {
            body["temperature"] = json!(0);
            body["max_tokens"] = json!(TOKENS);
            body["stream"] = json!(false);
        }
        if self == Self::Schema {
            let schema = json!({
                "type": "object", "properties": {"met": {"type": "boolean"}, "quote": {"type": "string"}},
                "required": ["met", "quote"], "additionalProperties": false,
            });
            body["response_format"] = json!({
                "type": "json_schema", "json_schema": {"name": "judgement", "strict": true, "schema": schema},
            });
        }
        body
    }
}
