//! Keystone's error envelope.

use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::failure::{Envelope, Failure};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use serde_json::{Value, json};

/// The service, as a parameter of what all services share.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

/// A handler's failure.
pub type Refusal = Failure<Identity>;
/// Who asks.
pub type Asked = By<Identity>;
/// A JSON body, not looked at yet.
pub type Body = Json<Value, Identity>;

impl Envelope for Identity {
    fn render(status: StatusCode, error: &Error) -> Response {
        let message = match error {
            Error::NotFound { kind, id } if kind.starts_with(char::is_lowercase) => {
                format!("Could not find {kind}: {id}.")
            }
            other => other.to_string(),
        };
        body(status, &message)
    }
}

/// The envelope itself.
pub fn body(status: StatusCode, message: &str) -> Response {
    let error = json!({
        "error": {
            "code": status.as_u16(),
            "message": message,
            "title": status.canonical_reason().unwrap_or("Error"),
        }
    });
    (status, axum::Json(error)).into_response()
}

/// The route is there, but not for this method.
pub async fn no_method() -> Response {
    body(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed for the requested URL.")
}
