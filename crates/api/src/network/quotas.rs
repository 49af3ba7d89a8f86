//! `/v2.0/quotas`: nothing of networks is limited, so that every limit reads -1.

use super::fault::{Asked, Fault};
use axum::Json;
use axum::extract::Path;
use hatchery_control::{Error, policy};
use serde_json::{Value, json};

/// `GET /v2.0/quotas`: of projects that have limits of their own, which none has.
pub async fn list(asked: Asked) -> Result<Json<Value>, Fault> {
    policy::admin(&asked.0, "get_quota")?;
    Ok(Json(json!({"quotas": []})))
}

/// `GET /v2.0/quotas/{project}` and its defaults
pub async fn show(asked: Asked, Path(project): Path<String>) -> Result<Json<Value>, Fault> {
    let own = asked.0.project().is_some_and(|own| own.as_str() == project);
    if !own && !asked.0.is_admin() {
        return Err(Error::not_found("Quota of project", project).into());
    }
    Ok(Json(json!({"quota": {
        "network": -1,
        "subnet": -1,
        "port": -1,
    }})))
}
