//! What stands around all services: the root's own answers, and a last net under every handler.

use super::exposition::{self, ReadMetrics};
use super::measured::measure;
use super::request_id::{self, MakeRequestId};
use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

/// All services under one roof.
pub struct Services {
    /// At `/identity`.
    pub identity: Router,
    /// At `/image`.
    pub image: Router,
    /// At `/compute`.
    pub compute: Router,
    /// At `/network`.
    pub network: Router,
    /// At `/volume`.
    pub volume: Router,
    /// At `/metrics`, if that is wanted.
    pub metrics: Option<ReadMetrics>,
}

/// Joins the services, and adds what all answers have: a request id, an answer for paths of no service, and for a handler that panicked a
/// 500 that names the log, not a cut connection.
pub fn join(services: Services, make_request_id: MakeRequestId) -> Router {
    let router = Router::new()
        .nest_service("/identity", services.identity)
        .nest_service("/image", services.image)
        .nest_service("/compute", services.compute)
        .nest_service("/network", services.network)
        .nest_service("/volume", services.volume);
    let router = match services.metrics {
        Some(read) => router.merge(exposition::router(read)),
        None => router,
    };
    let caught = router.fallback(nowhere).layer(CatchPanicLayer::custom(
        |_: Box<dyn std::any::Any + Send>| {
            answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The request failed for a reason that is the service's own.",
            )
        },
    ));
    caught.layer(from_fn_with_state(make_request_id, request_id::assign)).layer(from_fn(measure))
}

async fn nowhere() -> Response {
    answer(
        StatusCode::NOT_FOUND,
        "There is no service at this path; the services are /identity, /image, /compute, /network and /volume.",
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
