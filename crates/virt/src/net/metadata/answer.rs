//! From a request to a response. Pure.

use crate::guest_data::tree::{self, Found};
use bytes::Bytes;
use hatchery_model::compute::GuestSpec;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use std::sync::Arc;

/// Answers a caller, who is looked up only if the request makes sense.
pub(super) fn answer(
    method: &Method,
    path: &str,
    caller: impl FnOnce() -> Option<Arc<GuestSpec>>,
) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "405 Method Not Allowed\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let found = caller().and_then(|guest| tree::look_up(&guest, path));
    match found {
        Some(Found::Text(text)) => body(StatusCode::OK, "text/plain; charset=UTF-8", text.into()),
        Some(Found::Json(text)) => body(StatusCode::OK, "application/json", text.into()),
        Some(Found::Bytes(bytes)) => body(StatusCode::OK, "application/octet-stream", bytes.into()),
        None => plain(StatusCode::NOT_FOUND, "404 Not Found\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    body(status, "text/plain; charset=UTF-8", Bytes::from_static(text.as_bytes()))
}

fn body(status: StatusCode, kind: &'static str, bytes: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
