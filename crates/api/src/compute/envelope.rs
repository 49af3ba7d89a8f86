//! Nova's error envelope.

use crate::http::failure::{Envelope, Failure};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use serde_json::json;

/// The compute service.
pub enum Compute {}

/// A handler's answer.
pub type Answer<T = Response> = Result<T, Failure<Compute>>;

impl Envelope for Compute {
    fn render(status: StatusCode, error: &Error) -> Response {
        // As the middleware in front of Nova writes it.
        if status == StatusCode::UNAUTHORIZED {
            let body = json!({"error": {
                "code": 401, "title": "Unauthorized", "message": error.to_string(),
            }});
            return (status, Json(body)).into_response();
        }
        let body = json!({name(status): {"code": status.as_u16(), "message": error.to_string()}});
        (status, Json(body)).into_response()
    }
}

/// Nova's names of statuses.
pub fn name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "badRequest",
        403 => "forbidden",
        404 => "itemNotFound",
        405 => "badMethod",
        406 => "notAcceptable",
        409 => "conflictingRequest",
        413 => "overLimit",
        415 => "badMediaType",
        501 => "notImplemented",
        503 => "serviceUnavailable",
        _ => "computeFault",
    }
}

/// Fallback of a path that is there, for other methods.
pub async fn no_method() -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let message = "The method is not allowed for the requested URL.";
    let body = json!({name(status): {"code": status.as_u16(), "message": message}});
    (status, Json(body)).into_response()
}
