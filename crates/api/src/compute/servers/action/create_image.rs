//! `createImage`: `{"name": …, "metadata": {…}}`.

use super::{Asked, wrong};
use crate::compute::envelope::Answer;
use crate::compute::versions::Root;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use hatchery_control::compute::CreateImage;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Since then the answer has a body.
const WITH_BODY: u32 = 45;

pub(super) async fn run(images: &CreateImage, root: &Root, asked: &Asked<'_>) -> Answer {
    let argument = asked.argument.as_object().ok_or_else(|| wrong("createImage"))?;
    if let Some(other) = argument.keys().find(|key| !["name", "metadata"].contains(&key.as_str())) {
        return Err(wrong(other).into());
    }
    let name = argument.get("name").and_then(Value::as_str).map_or("", str::trim);
    if name.is_empty() || name.chars().count() > 255 {
        return Err(wrong("name").into());
    }
    let metadata = match argument.get("metadata") {
        None => BTreeMap::new(),
        Some(given) => BTreeMap::deserialize(given).map_err(|_| wrong("metadata"))?,
    };
    let image = images.run(asked.caller, asked.server()?, name.to_owned(), metadata).await?;
    if asked.version.0 >= WITH_BODY {
        return Ok((StatusCode::ACCEPTED, Json(json!({"image_id": image}))).into_response());
    }
    let base = root.0.trim_end_matches("/compute");
    let place = format!("{base}/image/v2/images/{image}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)]).into_response())
}
