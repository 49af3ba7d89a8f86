//! `GET /v2/images/{image}`

use super::fault::{Asked, Fault};
use super::router::ImageState;
use super::{path, view};
use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

/// One image.
pub async fn show(
    State(state): State<ImageState>,
    asked: Asked,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fault> {
    let image = state.verbs.show(&asked.0, path::image(&id)?).await?;
    Ok(Json(view::image(&image, &state.shown)))
}
