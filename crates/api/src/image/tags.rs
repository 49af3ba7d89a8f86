//! `PUT` and `DELETE /v2/images/{image}/tags/{tag}`

use super::fault::{Asked, Fault};
use super::router::ImageState;
use super::{attributes, path};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hatchery_control::image::Change;

/// Puts a tag on an image.
pub async fn add(
    State(state): State<ImageState>,
    asked: Asked,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let changes = vec![Change::AddTag(attributes::tag(&tag)?)];
    state.verbs.update(&asked.0, path::image(&id)?, changes).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a tag off.
pub async fn remove(
    State(state): State<ImageState>,
    asked: Asked,
    Path((id, tag)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let changes = vec![Change::RemoveTag(tag)];
    state.verbs.update(&asked.0, path::image(&id)?, changes).await?;
    Ok(StatusCode::NO_CONTENT)
}
