//! `POST /v1/completions`.

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
use crate::model::one_line;

#[derive(Debug, Deserialize)]
struct Ask {
    prompt: Prompt,
    #[serde(flatten)]
    common: Common,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Prompt {
    Text(String),
    Texts(Vec<String>),
    Ids(Vec<u32>),
}

pub(super) async fn complete(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Ask { prompt, common } = auth::ask(&server, &headers, body).await?;
    let text = match prompt {
        Prompt::Ids(ids) => {
            if let Some(id) = ids.iter().find(|id| **id as usize >= server.base.model.config().vocab_size) {
                return Err(ApiError::bad_request(format!("token {id} is outside the vocabulary")));
            }
            return answer(server, &headers, (Kind::Completion, common, ids)).await;
        }
        Prompt::Text(text) => text,
        Prompt::Texts(mut texts) if texts.len() == 1 => texts.remove(0),
        Prompt::Texts(_) => {
            return Err(ApiError::bad_request("one prompt a request; send several requests, they run together"));
        }
    };
    let ids = server.base.tokenizer.encode(&text).map_err(|error| ApiError::bad_request(one_line(&error)))?;
    answer(server, &headers, (Kind::Completion, common, ids)).await
}
