//! `GET /metrics`: what Prometheus reads, in its text format 0.0.4. Asked without a token.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::future::BoxFuture;
use std::sync::Arc;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Gives the text. The binary has it from its recorder.
pub type ReadMetrics = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// The one route.
pub fn router(read: ReadMetrics) -> Router {
    Router::new().route("/metrics", get(show)).with_state(read)
}

async fn show(State(read): State<ReadMetrics>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT)], read().await)
}
