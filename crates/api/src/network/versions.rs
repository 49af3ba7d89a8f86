//! The version documents.

use super::router::NetworkState;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// One and many of each kind of thing that can be asked for.
const RESOURCES: [(&str, &str); 3] =
    [("network", "networks"), ("subnet", "subnets"), ("port", "ports")];

/// `GET /network`
pub async fn list(State(state): State<NetworkState>) -> Json<Value> {
    Json(json!({"versions": [{
        "id": "v2.0",
        "status": "CURRENT",
        "links": [{"rel": "self", "href": format!("{}/", state.base)}],
    }]}))
}

/// `GET /network/v2.0`
pub async fn resources(State(state): State<NetworkState>) -> Json<Value> {
    let resources: Vec<Value> = RESOURCES
        .iter()
        .map(|(name, collection)| {
            json!({
                "name": name,
                "collection": collection,
                "links": [{"rel": "self", "href": format!("{}/{collection}", state.base)}],
            })
        })
        .collect();
    Json(json!({"resources": resources}))
}
