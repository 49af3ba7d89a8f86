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
        let body = json!({name(status): {"code": status.as_u16(), "message": error.to_string()}});
        (status, Json(body)).into_response()
    }
}

/// Nova's names of statuses.
pub fn name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "badRequest",
        401 => "unauthorized",
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
