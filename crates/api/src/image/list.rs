//! `GET /v2/images`

use super::fault::{Asked, Fault, invalid};
use super::list_query::parse;
use super::router::ImageState;
use super::view;
use crate::http::paging::{escape, next_query};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::Uri;
use serde_json::{Value, json};

/// A page of images.
pub async fn list(
    State(state): State<ImageState>,
    asked: Asked,
    uri: Uri,
) -> Result<Json<Value>, Fault> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map_err(|error| invalid(format!("The query cannot be read: {error}.")))?;
    let (query, page) = parse(&pairs)?;
    let images = state.verbs.list(&asked.0, &query, &page).await?;
    let mut body = json!({
        "images": images.iter().map(|image| view::image(image, &state.shown)).collect::<Vec<_>>(),
        "first": first(&pairs),
        "schema": "/v2/schemas/images",
    });
    let is_full = page.limit.is_some_and(|limit| images.len() >= limit as usize);
    if let (true, Some(last)) = (is_full, images.last()) {
        let next = next_query(&pairs, &last.id.to_string());
        body["next"] = Value::from(format!("/v2/images?{next}"));
    }
    Ok(Json(body))
}

fn first(pairs: &[(String, String)]) -> String {
    let query: Vec<String> = pairs
        .iter()
        .filter(|(key, _)| key != "marker")
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
        .collect();
    if query.is_empty() { "/v2/images".into() } else { format!("/v2/images?{}", query.join("&")) }
}
