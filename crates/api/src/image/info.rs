//! `/v2/info/…`: which ways of import and which stores there are.

use super::fault::{Asked, Fault, invalid};
use axum::Json;
use hatchery_control::Error;
use serde_json::{Value, json};

/// `GET /v2/info/import`: data is taken by upload alone.
pub async fn import_methods(_: Asked) -> Json<Value> {
    Json(json!({
        "import-methods": {
            "description": "Import methods available.",
            "type": "array",
            "value": [],
        }
    }))
}

/// `GET /v2/info/stores`: there is one store, and Glance answers so then.
pub async fn stores(_: Asked) -> Fault {
    Error::not_found("A list of stores", "(multi backend is not supported at this site)").into()
}

/// `GET /v2/info/usage`: no quota is kept of images.
pub async fn usage(_: Asked) -> Json<Value> {
    Json(json!({"usage": {}}))
}

/// `POST /v2/images/{image}/import`
pub async fn no_import(_: Asked) -> Fault {
    invalid("Import is not available here: upload the data with PUT /v2/images/{image_id}/file.")
}
