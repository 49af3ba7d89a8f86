//! `PATCH /v2/images/{image}`: both of Glance's JSON-patch dialects.

use super::fault::{Asked, Body, Fault, invalid};
use super::router::ImageState;
use super::{attributes, path, view};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use hatchery_control::image::{Change, Presence};
use serde_json::{Map, Value};

const OLD: &str = "application/openstack-images-v2.0-json-patch";
const NEW: &str = "application/openstack-images-v2.1-json-patch";
const OPERATIONS: [&str; 3] = ["add", "remove", "replace"];

/// Which spelling of an operation a request uses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// `{"replace": "/name", "value": "x"}`
    Draft4,
    /// `{"op": "replace", "path": "/name", "value": "x"}`
    Draft10,
}

/// Sets and removes what is written on an image.
pub async fn patch(
    State(state): State<ImageState>,
    asked: Asked,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Fault> {
    let dialect = dialect(&headers)?;
    let Value::Array(operations) = body.0 else {
        return Err(invalid("Request body must be a JSON array of operation objects."));
    };
    let changes = operations
        .iter()
        .map(|operation| change(operation, dialect))
        .collect::<Result<Vec<_>, _>>()?;
    let id = path::image(&id)?;
    let image = state.verbs.update(&asked.0, id, changes).await?;
    Ok(Json(view::image(&image, &state.shown)))
}

fn dialect(headers: &HeaderMap) -> Result<Dialect, Fault> {
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        NEW => Ok(Dialect::Draft10),
        OLD => Ok(Dialect::Draft4),
        _ => Err(Fault::Status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("Image PATCH expects Content-Type one of: {OLD}, {NEW}"),
        )),
    }
}

fn change(operation: &Value, dialect: Dialect) -> Result<Change, Fault> {
    let Value::Object(operation) = operation else {
        return Err(invalid("Operations must be JSON objects."));
    };
    let (verb, pointer) = match dialect {
        Dialect::Draft10 => (member(operation, "op")?, member(operation, "path")?),
        Dialect::Draft4 => draft4(operation)?,
    };
    if !OPERATIONS.contains(&verb) {
        return Err(invalid(format!(
            "Invalid operation: `{verb}`. It must be one of the following: add, remove, replace."
        )));
    }
    let key = key(pointer)?;
    if verb == "remove" {
        return attributes::remove(&key);
    }
    let value = operation.get("value").ok_or_else(|| {
        invalid(format!("Operation \"{verb}\" requires a member named \"value\"."))
    })?;
    let presence = match (verb, dialect) {
        ("replace", _) => Presence::Wanted,
        (_, Dialect::Draft4) => Presence::Unwanted,
        (_, Dialect::Draft10) => Presence::Indifferent,
    };
    if presence == Presence::Unwanted && attributes::is_base(&key) {
        return Err(Fault::Status(
            StatusCode::CONFLICT,
            format!("Property {key} already present."),
        ));
    }
    attributes::set(&key, value, presence)
}

fn member<'a>(operation: &'a Map<String, Value>, name: &str) -> Result<&'a str, Fault> {
    operation
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| invalid(format!("An operation needs a text named `{name}`.")))
}

fn draft4(operation: &Map<String, Value>) -> Result<(&str, &str), Fault> {
    let mut found = OPERATIONS.iter().filter_map(|verb| Some((*verb, operation.get(*verb)?)));
    match (found.next(), found.next()) {
        (Some((verb, Value::String(pointer))), None) => Ok((verb, pointer)),
        _ => Err(invalid(
            "Operation objects must contain exactly one member named \"add\", \"remove\", or \"replace\".",
        )),
    }
}

/// The only kind of JSON pointer that leads to something that can be set: `/key`.
fn key(pointer: &str) -> Result<String, Fault> {
    let wrong = |why: &str| invalid(format!("Pointer `{pointer}` {why}."));
    let key = pointer.strip_prefix('/').ok_or_else(|| wrong("does not start with \"/\""))?;
    if key.contains('/') || key.trim().is_empty() {
        return Err(wrong("does not name one attribute of an image"));
    }
    let mut characters = key.chars();
    while let Some(character) = characters.next() {
        if character == '~' && !matches!(characters.next(), Some('0' | '1')) {
            return Err(wrong("contains \"~\" that is not part of a recognized escape sequence"));
        }
    }
    Ok(key.replace("~1", "/").replace("~0", "~").trim().to_owned())
}
