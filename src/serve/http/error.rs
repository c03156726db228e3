//! Errors in OpenAI's form.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::serve::{Fault, Refused};

/// An answer that is an error.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u64>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// One answer for what does not exist and what the caller may not know of.
    pub(super) fn no_model(model: &str) -> Self {
        let shown: String = model.chars().filter(|c| !c.is_control()).take(64).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "model_not_found",
            format!("there is no model `{shown}` that you may use; GET /v1/models lists them"),
        )
    }

    pub(super) fn no_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "send a valid key as `Authorization: Bearer KEY`")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("a body has at most {limit} bytes"))
    }

    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body took too long to arrive")
    }

    pub(super) fn of_fault(fault: &Fault, model: &str) -> Self {
        match fault {
            Fault::Adapter(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "adapter_unavailable",
                format!("model `{model}` cannot be served now; the server's log says why"),
            ),
            Fault::TooLate => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "the answer took longer than the server allows")
            }
            Fault::Internal(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "the computation failed; the server's log says why",
            ),
        }
    }

    /// The JSON of the error.
    pub(super) fn json(&self) -> serde_json::Value {
        let kind = if self.status.is_client_error() { "invalid_request_error" } else { "server_error" };
        json!({"error": {"message": self.message, "type": kind, "param": null, "code": self.code}})
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "queue_full",
                    format!("the queue is full; try again in {retry_after} s"),
                )
            },
            Refused::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the server is stopping"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.json())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
