//! Glance's errors: a status, and a text as HTML or JSON, whichever the client prefers.

use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::failure::{Envelope, Failure};
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::image::UploadRefusal;
use serde_json::{Value, json};

/// The service, as a parameter of what all services share.
#[derive(Clone, Copy, Debug)]
pub struct Glance;

/// Who asks.
pub type Asked = By<Glance>;
/// A JSON body, not looked at yet.
pub type Body = Json<Value, Glance>;

impl Envelope for Glance {
    fn render(status: StatusCode, error: &Error) -> Response {
        answer(status, &error.to_string())
    }
}

/// A handler's failure.
pub enum Fault {
    /// The status follows from the error.
    Error(Error),
    /// Glance has a status of its own for it.
    Status(StatusCode, String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<UploadRefusal> for Fault {
    fn from(refusal: UploadRefusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            UploadRefusal::NotAnImage(_) => Self::Status(StatusCode::UNSUPPORTED_MEDIA_TYPE, text),
            UploadRefusal::Full(_) => Self::Status(StatusCode::PAYLOAD_TOO_LARGE, text),
            UploadRefusal::Gone(_) => Self::Status(StatusCode::GONE, text),
            UploadRefusal::Other(error) => Self::Error(error),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Error(error) => Failure::<Glance>::from(error).into_response(),
            Self::Status(status, text) => answer(status, &text),
        }
    }
}

/// A 400 with this text.
pub fn invalid(text: impl Into<String>) -> Fault {
    Fault::Error(Error::Invalid(text.into()))
}

/// A 403 with this text.
pub fn denied(text: impl Into<String>) -> Fault {
    Fault::Error(Error::Denied(text.into()))
}

/// The route is there, but not for this method.
pub async fn no_method() -> Response {
    answer(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed for this resource.")
}

/// The text of a fault, until it is known how the client wants it.
#[derive(Clone)]
struct Text(String);

fn answer(status: StatusCode, text: &str) -> Response {
    let mut response = (status, html(status, text)).into_response();
    let kind = HeaderValue::from_static("text/html; charset=UTF-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.extensions_mut().insert(Text(text.to_owned()));
    response
}

/// Middleware: writes faults as JSON for clients that ask for it. Others, and those that say nothing, get HTML, out of which OpenStack's
/// clients take the text.
pub async fn negotiate(request: Request, next: Next) -> Response {
    let as_json = wants_json(request.headers());
    let mut response = next.run(request).await;
    let Some(Text(text)) = response.extensions_mut().remove::<Text>() else {
        return response;
    };
    if !as_json {
        return response;
    }
    let status = response.status();
    let document = json!({
        "message": text,
        "code": status_line(status),
        "title": status.canonical_reason().unwrap_or("Error"),
    });
    let (mut parts, _) = response.into_parts();
    let (headers, body) = axum::Json(document).into_response().into_parts();
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    parts.headers.extend(headers.headers);
    Response::from_parts(parts, body)
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accept
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("text/html"))
}

fn status_line(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"))
}

fn html(status: StatusCode, text: &str) -> String {
    let line = status_line(status);
    let text = escape(text);
    format!(
        "<html>\n <head>\n  <title>{line}</title>\n </head>\n <body>\n  <h1>{line}</h1>\n  {text}<br /><br />\n </body>\n</html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
