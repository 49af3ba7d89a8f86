//! Cinder's error envelope.

use crate::http::failure::{Envelope, Failure};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use serde_json::json;

/// The block storage service.
pub enum Volume {}

/// A handler's answer.
pub type Answer<T = Response> = Result<T, Failure<Volume>>;

impl Envelope for Volume {
    fn render(status: StatusCode, error: &Error) -> Response {
        // As the middleware in front of Cinder writes it.
        if status == StatusCode::UNAUTHORIZED {
            let body = json!({"error": {
                "code": 401, "title": "Unauthorized", "message": error.to_string(),
            }});
            return (status, Json(body)).into_response();
        }
        // A quota is 413 here, and says that there is no use in waiting for it.
        if matches!(error, Error::Exhausted(_)) {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            let text = error.to_string();
            let body = json!({name(status): {"code": 413, "message": text, "retryAfter": "0"}});
            let mut response = (status, Json(body)).into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("0"));
            return response;
        }
        fault(status, &error.to_string())
    }
}

/// An error of this service.
pub fn fault(status: StatusCode, message: &str) -> Response {
    let body = json!({name(status): {"code": status.as_u16(), "message": message}});
    (status, Json(body)).into_response()
}

/// Cinder's names of statuses.
fn name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "badRequest",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "itemNotFound",
        405 => "badMethod",
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
    fault(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed for the requested URL.")
}
