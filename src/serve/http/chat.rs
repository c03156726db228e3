//! `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::{body::Body, extract::State, http::HeaderMap, response::Response};
use serde::Deserialize;

use super::{
    Server,
    answer::{Kind, answer},
    auth,
    error::ApiError,
    sampling::Common,
};
use crate::model::{Message, one_line};

#[derive(Debug, Deserialize)]
struct Ask {
    messages: Vec<Turn>,
    #[serde(flatten)]
    common: Common,
}

#[derive(Debug, Deserialize)]
struct Turn {
    role: String,
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

pub(super) async fn complete(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Ask { messages, common } = auth::ask(&server, &headers, body).await?;
    let Some(template) = &server.chat else {
        return Err(ApiError::bad_request(
            "this base has no chat template; use /v1/completions, or start the server with --chat-template",
        ));
    };
    let messages = messages.into_iter().map(Turn::plain).collect::<Result<Vec<_>, _>>()?;
    let refused = |error: candle_core::Error| ApiError::bad_request(one_line(&error));
    let text = template.render(&messages, true).map_err(refused)?;
    let ids = server.base.tokenizer.encode_bare(&text).map_err(refused)?;
    answer(server, &headers, (Kind::Chat, common, ids)).await
}

impl Turn {
    fn plain(self) -> Result<Message, ApiError> {
        let content = match self.content {
            Content::Text(text) => text,
            Content::Parts(parts) => {
                let text = |part: Part| match (part.kind.as_str(), part.text) {
                    ("text", Some(text)) => Ok(text),
                    _ => Err(ApiError::bad_request("a message's content is text")),
                };
                parts.into_iter().map(text).collect::<Result<String, _>>()?
            }
        };
        Ok(Message::new(self.role, content))
    }
}
