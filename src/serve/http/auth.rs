//! Who calls, and which adapter they get.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Server, error::ApiError};
use crate::serve::routing::{AUTO, Asked, Tenant, digest_of};

/// The tenant that a request comes from.
pub(super) fn tenant<'a>(server: &'a Server, headers: &HeaderMap) -> Result<&'a Tenant, ApiError> {
    match &server.routing {
        None => Ok(&server.anyone),
        Some(routing) => bearer(headers).and_then(|key| routing.tenant(key)).ok_or_else(ApiError::no_key),
    }
}

/// Whether the caller may load and unload adapters.
pub(super) fn admin(server: &Server, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(digest) = server.admin_key_sha256.as_deref().and_then(digest_of) else {
        // Without a routing file the server is open, and only reachable from this machine.
        return if server.routing.is_none() { Ok(()) } else { Err(ApiError::no_key()) };
    };
    let own = Sha256::digest(bearer(headers).unwrap_or_default().as_bytes());
    if bool::from(own.as_slice().ct_eq(digest.as_slice())) { Ok(()) } else { Err(ApiError::no_key()) }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The adapter that `model` names for this tenant; none for the base.
pub(super) fn choose(
    server: &Server,
    tenant: &Tenant,
    headers: &HeaderMap,
    (model, user, task): (&str, Option<&str>, Option<&str>),
) -> Result<Option<String>, ApiError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let id = match model {
        AUTO => match tenant.route(&Asked { user, task, header: &header }) {
            Some(id) => id,
            None if tenant.base => return Ok(None),
            None => return Err(ApiError::no_model(model)),
        },
        _ if model == server.name && tenant.base => return Ok(None),
        _ => model,
    };
    if tenant.may_use(id) && server.adapters.serves(id) {
        Ok(Some(id.to_owned()))
    } else {
        Err(ApiError::no_model(model))
    }
}

/// The request of a caller who is known: the key is looked at before the body is read.
pub(super) async fn ask<T: DeserializeOwned>(server: &Server, headers: &HeaderMap, body: Body) -> Result<T, ApiError> {
    tenant(server, headers)?;
    read(server, body).await
}

/// The JSON of a body, within the limits.
pub(super) async fn read<T: DeserializeOwned>(server: &Server, body: Body) -> Result<T, ApiError> {
    let limit = server.limits.body;
    let bytes = tokio::time::timeout(server.limits.body_time, to_bytes(body, limit)).await;
    let bytes = bytes.map_err(|_| ApiError::too_slow())?;
    let bytes = bytes.map_err(|error| match std::error::Error::source(&error) {
        Some(cause) if cause.to_string().contains("length limit") => ApiError::too_large(limit),
        _ => ApiError::bad_request("the body broke off"),
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::bad_request(format!("the body is no such request: {error}")))
}
