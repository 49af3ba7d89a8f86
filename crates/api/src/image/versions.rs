//! The version documents: what Glance 33 lists when it has neither a cache nor several stores.

use super::router::ImageState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// In Glance's order; the newest is the only `CURRENT` one.
const VERSIONS: [&str; 11] =
    ["2.15", "2.9", "2.17", "2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0"];
const CURRENT: &str = "2.17";

/// `GET /image`, and every path that names no version
pub async fn choices(State(state): State<ImageState>) -> Response {
    (StatusCode::MULTIPLE_CHOICES, Json(document(&state))).into_response()
}

/// `GET /image/versions`
pub async fn list(State(state): State<ImageState>) -> Json<Value> {
    Json(document(&state))
}

fn document(state: &ImageState) -> Value {
    let href = format!("{}/image/v2/", state.public_url);
    let versions: Vec<Value> = VERSIONS
        .iter()
        .map(|version| {
            json!({
                "id": format!("v{version}"),
                "status": if *version == CURRENT { "CURRENT" } else { "SUPPORTED" },
                "links": [{"rel": "self", "href": href}],
            })
        })
        .collect();
    json!({"versions": versions})
}
