//! HTTP: the part of OpenAI's interface that completes text, with adapters as models, on axum and tokio.
//!
//! | path | what |
//! |---|---|
//! | `POST /v1/completions`, `POST /v1/chat/completions` | an answer, whole or as server-sent events |
//! | `GET /v1/models`, `GET /v1/models/{id}` | what the caller may use |
//! | `POST /v1/load_lora_adapter`, `POST /v1/unload_lora_adapter` | serve an adapter of the directory, or no longer (vLLM's names) |
//! | `GET /metrics` | counters for Prometheus |
//! | `GET /health`, `GET /ready` | alive; willing to take requests |
//!
//! Everything here translates: HTTP to [`Request`](super::Request)s, events to JSON. The engine does the work on its own thread.

mod answer;
mod auth;
mod chat;
mod completions;
mod error;
mod listen;
mod models;
mod sampling;
mod server;

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};

pub use listen::{Patience, listen};
pub use server::{Limits, Server};

/// All paths.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/v1/completions", post(completions::complete))
        .route("/v1/chat/completions", post(chat::complete))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{id}", get(models::one))
        .route("/v1/load_lora_adapter", post(models::load))
        .route("/v1/unload_lora_adapter", post(models::unload))
        .route("/metrics", get(metrics))
        .route("/health", get(async || "alive\n"))
        .route("/ready", get(ready))
        .fallback(async || error::ApiError::not_found("there is nothing at this path"))
        .with_state(server)
}

async fn metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    ([("content-type", "text/plain; version=0.0.4")], server.metrics.text())
}

async fn ready(State(server): State<Arc<Server>>) -> impl IntoResponse {
    match server.queue.is_closed() || server.stopping.load(Ordering::Relaxed) {
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        false => (StatusCode::OK, "ready\n"),
    }
}
