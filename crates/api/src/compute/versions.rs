//! The version documents at the service's root.

use super::microversion::{MAX, MIN};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// Address of the service's root, without a slash at its end (`http://host:port/compute`).
#[derive(Clone, Debug)]
pub struct Root(pub Arc<str>);

fn v21(root: &Root) -> Value {
    json!({
        "id": "v2.1",
        "status": "CURRENT",
        "version": MAX.to_string(),
        "min_version": MIN.to_string(),
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": format!("{}/v2.1/", root.0)}],
    })
}

/// `GET /compute`
pub async fn list(State(root): State<Root>) -> Response {
    Json(json!({"versions": [v21(&root)]})).into_response()
}

/// `GET /compute/v2.1`
pub async fn show(State(root): State<Root>) -> Response {
    let mut version = v21(&root);
    version["links"] = json!([
        {"rel": "self", "href": format!("{}/v2.1/", root.0)},
        {"rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/"},
    ]);
    version["media-types"] = json!([{
        "base": "application/json",
        "type": "application/vnd.openstack.compute+json;version=2.1",
    }]);
    Json(json!({"version": version})).into_response()
}
