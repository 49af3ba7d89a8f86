//! What clients list, and of which there is nothing here: the lists are empty, and making one is refused.

use super::envelope::{Answer, Volume};
use super::microversion::{Microversion, since};
use crate::http::caller::By;
use axum::Json;
use axum::response::IntoResponse;
use hatchery_control::{Error, policy};
use serde_json::json;

/// `/groups` (3.13)
pub async fn groups(By(caller, _): By<Volume>, version: Microversion) -> Answer {
    since(version, 13)?;
    policy::reader_project(&caller, "group:get_all")?;
    Ok(Json(json!({"groups": []})).into_response())
}

/// `/group_types` (3.11)
pub async fn group_types(By(caller, _): By<Volume>, version: Microversion) -> Answer {
    since(version, 11)?;
    policy::reader_project(&caller, "group:access_group_types_specs")?;
    Ok(Json(json!({"group_types": []})).into_response())
}

/// `/group_snapshots` (3.14)
pub async fn group_snapshots(By(caller, _): By<Volume>, version: Microversion) -> Answer {
    since(version, 14)?;
    policy::reader_project(&caller, "group:get_all_group_snapshots")?;
    Ok(Json(json!({"group_snapshots": []})).into_response())
}

/// Making one of all those.
pub async fn refuse(By(caller, _): By<Volume>) -> Answer {
    policy::writer_project(&caller, "create")?;
    Err(Error::Unsupported("The block storage service does not serve this yet.".into()).into())
}
