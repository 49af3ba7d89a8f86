//! `x-openstack-request-id`: every answer has one, and every log line of its request.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use hatchery_model::id::RequestId;
use std::sync::Arc;
use tracing::Instrument;

/// OpenStack's header.
pub const HEADER: HeaderName = HeaderName::from_static("x-openstack-request-id");
/// Nova's older name for it, which clients still read.
pub const COMPUTE_HEADER: HeaderName = HeaderName::from_static("x-compute-request-id");

/// Makes a request's id. The binary gives one that draws from its `Entropy`.
pub type MakeRequestId = Arc<dyn Fn() -> RequestId + Send + Sync>;

/// Middleware: gives the request an id (as an extension), a log span, and the answer its headers.
pub async fn assign(
    State(make): State<MakeRequestId>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = make();
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        method = %request.method(),
        path = request.uri().path()
    );
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(COMPUTE_HEADER, value.clone());
        response.headers_mut().insert(HEADER, value);
    }
    response
}
