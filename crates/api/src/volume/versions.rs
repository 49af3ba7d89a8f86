//! The version documents.

use super::address::Root;
use super::microversion::{MAX, MIN};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

fn versions(root: &Root) -> Value {
    json!({"versions": [{
        "id": "v3.0",
        "status": "CURRENT",
        "version": MAX.to_string(),
        "min_version": MIN.to_string(),
        "updated": "2023-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": format!("{}/v3/", root.0)},
        ],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.volume+json;version=3",
        }],
    }]})
}

/// `GET /volume`
pub async fn all(State(root): State<Root>) -> Response {
    (StatusCode::MULTIPLE_CHOICES, Json(versions(&root))).into_response()
}

/// `GET /volume/v3/`
pub async fn show(State(root): State<Root>) -> Response {
    Json(versions(&root)).into_response()
}
