//! The version documents: the first thing that a client reads.

use super::state::IdentityState;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// `GET /identity`
pub async fn list(State(state): State<IdentityState>) -> Response {
    let document = json!({"versions": {"values": [v3_document(&state)]}});
    let location = [(header::LOCATION, self_url(&state))];
    (StatusCode::MULTIPLE_CHOICES, location, Json(document)).into_response()
}

/// `GET /identity/v3`
pub async fn show(State(state): State<IdentityState>) -> Json<Value> {
    Json(json!({"version": v3_document(&state)}))
}

fn v3_document(state: &IdentityState) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": self_url(state)}],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}

fn self_url(state: &IdentityState) -> String {
    format!("{}/", state.catalog.identity_v3())
}
