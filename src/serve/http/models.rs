//! What can be used, and what is added or taken away while the server runs.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Server, auth, error::ApiError};
use crate::{model::one_line, serve::Command};

/// vLLM's body of both requests; the path it also takes is not taken here: adapters lie in the server's directory.
#[derive(Debug, Deserialize)]
struct Named {
    lora_name: String,
}

pub(super) async fn list(State(server): State<Arc<Server>>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let models: Vec<Value> = allowed(&server, &headers)?.iter().map(|id| model(&server, id)).collect();
    Ok(Json(json!({"object": "list", "data": models})))
}

pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    match allowed(&server, &headers)?.contains(&id) {
        true => Ok(Json(model(&server, &id))),
        false => Err(ApiError::no_model(&id)),
    }
}

/// Serves an adapter that lies in the directory, once it has been read and checked.
pub(super) async fn load(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Body,
) -> Result<String, ApiError> {
    auth::admin(&server, &headers)?;
    let Named { lora_name: id } = auth::read(&server, body).await?;
    server.adapters.path(&id).map_err(|error| ApiError::bad_request(one_line(&error)))?;
    let (tell, told) = oneshot::channel();
    let done = Box::new(move |outcome| drop(tell.send(outcome)));
    server.order(Command::Load(id.clone(), done));
    let outcome = told.await.unwrap_or_else(|_| Err("the engine has ended".to_owned()));
    outcome.map_err(|why| ApiError::bad_request(format!("adapter `{id}` cannot be served: {why}")))?;
    server.adapters.add(&id).map_err(|error| ApiError::bad_request(one_line(&error)))?;
    server.note(&format!("adapter {id} is served"));
    Ok(format!("adapter {id} is served\n"))
}

/// Serves an adapter no longer; answers that are under way are finished with it.
pub(super) async fn unload(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Body,
) -> Result<String, ApiError> {
    auth::admin(&server, &headers)?;
    let Named { lora_name: id } = auth::read(&server, body).await?;
    if !server.adapters.remove(&id) {
        return Err(ApiError::no_model(&id));
    }
    server.order(Command::Unload(id.clone()));
    server.note(&format!("adapter {id} is served no longer"));
    Ok(format!("adapter {id} is served no longer\n"))
}

/// Ids that the caller may use, the base's first.
fn allowed(server: &Server, headers: &HeaderMap) -> Result<Vec<String>, ApiError> {
    let tenant = auth::tenant(server, headers)?;
    let base = tenant.base.then(|| server.name.clone());
    Ok(base.into_iter().chain(server.adapters.served().into_iter().filter(|id| tenant.may_use(id))).collect())
}

fn model(server: &Server, id: &str) -> Value {
    let parent = (id != server.name).then_some(&server.name);
    json!({"id": id, "object": "model", "created": 0, "owned_by": "deltaw", "parent": parent})
}
