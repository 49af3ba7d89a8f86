//! `POST /v2/images/{image}/actions/…`

use super::fault::{Asked, Fault};
use super::path;
use super::router::ImageState;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// Closes an image's bytes to all but administrators.
pub async fn deactivate(
    State(state): State<ImageState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    state.verbs.set_active(&asked.0, path::image(&id)?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Opens them again.
pub async fn reactivate(
    State(state): State<ImageState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    state.verbs.set_active(&asked.0, path::image(&id)?, true).await?;
    Ok(StatusCode::NO_CONTENT)
}
