//! What stands around all services: the root's own answers, and a last net under every handler.

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

/// Adds the answers for paths of no service, and for a handler that panicked: a 500 that names the log, not a cut connection.
pub fn dress(router: Router) -> Router {
    router.fallback(nowhere).layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        answer(StatusCode::INTERNAL_SERVER_ERROR, "The request failed for a reason that is the service's own.")
    }))
}

async fn nowhere() -> Response {
    answer(
        StatusCode::NOT_FOUND,
        "There is no service at this path; the services are /identity, /image, /compute and /network.",
    )
}

fn answer(status: StatusCode, message: &str) -> Response {
    let body = json!({"error": {
        "code": status.as_u16(),
        "title": status.canonical_reason().unwrap_or_default(),
        "message": message,
    }});
    (status, Json(body)).into_response()
}
