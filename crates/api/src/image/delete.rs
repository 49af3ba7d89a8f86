//! `DELETE /v2/images/{image}`

use super::fault::{Asked, Fault};
use super::path;
use super::router::ImageState;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// Removes an image.
pub async fn delete(
    State(state): State<ImageState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    state.verbs.delete(&asked.0, path::image(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
