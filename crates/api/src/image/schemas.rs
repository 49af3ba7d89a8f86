//! `GET /v2/schemas/{name}`: what images and listings look like, for clients that build their forms from it.

use super::fault::{Asked, Fault};
use axum::Json;
use axum::extract::Path;
use hatchery_control::Error;
use hatchery_model::image::{ContainerFormat, DiskFormat};
use serde_json::{Value, json};

/// One schema.
pub async fn show(_: Asked, Path(name): Path<String>) -> Result<Json<Value>, Fault> {
    Ok(Json(match name.as_str() {
        "image" => image(),
        "images" => collection("images", image()),
        "member" => member(),
        "members" => collection("members", member()),
        _ => return Err(Error::not_found("Schema", name).into()),
    }))
}

fn image() -> Value {
    json!({
        "name": "image",
        "properties": properties(),
        "additionalProperties": {"type": "string"},
        "links": [
            {"rel": "self", "href": "{self}"},
            {"rel": "enclosure", "href": "{file}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}

fn properties() -> Value {
    let uuid =
        "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$";
    let text = |what: &str, longest: u32| json!({"type": ["null", "string"], "description": what, "maxLength": longest});
    let fixed =
        |kind: Value, what: &str| json!({"type": kind, "readOnly": true, "description": what});
    let number = |what: &str| json!({"type": "integer", "description": what});
    let flag = |what: &str| json!({"type": "boolean", "description": what});
    let one_of = |what: &str, words: Vec<Value>| json!({"type": ["null", "string"], "description": what, "enum": words});
    json!({
        "id": {"type": "string", "description": "The image's id", "pattern": uuid},
        "name": text("The image's name", 255),
        "status": {
            "type": "string",
            "readOnly": true,
            "description": "Where the image is in its life",
            "enum": ["queued", "saving", "active", "killed", "deleted", "uploading", "importing",
                "pending_delete", "deactivated"],
        },
        "visibility": {
            "type": "string",
            "description": "Who may see the image",
            "enum": ["community", "public", "private", "shared"],
        },
        "protected": flag("Whether deletion is refused"),
        "os_hidden": flag("Whether default listings leave the image out"),
        "checksum": {"type": ["null", "string"], "readOnly": true, "description": "MD5 of the data",
            "maxLength": 32},
        "os_hash_algo": {"type": ["null", "string"], "readOnly": true,
            "description": "What os_hash_value was made with", "maxLength": 64},
        "os_hash_value": {"type": ["null", "string"], "readOnly": true,
            "description": "Digest of the data, in hex", "maxLength": 128},
        "owner": text("The project that owns the image", 255),
        "size": fixed(json!(["null", "integer"]), "Bytes of data"),
        "virtual_size": fixed(json!(["null", "integer"]), "Bytes of the disk that a guest sees"),
        "container_format": one_of("What the data is wrapped in", words(ContainerFormat::ALL, |f| f.as_str())),
        "disk_format": one_of("What the data is", words(DiskFormat::ALL, |f| f.as_str())),
        "created_at": fixed(json!("string"), "When the image was made"),
        "updated_at": fixed(json!("string"), "When the image last changed"),
        "tags": {
            "type": "array",
            "description": "Labels",
            "items": {"type": "string", "maxLength": 255},
        },
        "direct_url": fixed(json!("string"), "Where the data is in its store"),
        "min_ram": number("Smallest memory to boot with, in MB"),
        "min_disk": number("Smallest disk to boot with, in GB"),
        "self": fixed(json!("string"), "Where the image is"),
        "file": fixed(json!("string"), "Where the data is"),
        "schema": fixed(json!("string"), "Where this schema is"),
    })
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<Value> {
    let words = all.iter().map(|one| Value::from(word(*one)));
    std::iter::once(Value::Null).chain(words).collect()
}

fn member() -> Value {
    json!({
        "name": "member",
        "properties": {
            "created_at": {"type": "string", "description": "When the member was added"},
            "image_id": {"type": "string", "description": "The image's id"},
            "member_id": {"type": "string", "description": "The project that the image is shared with"},
            "schema": {"type": "string", "readOnly": true},
            "status": {
                "type": "string",
                "description": "What the member makes of it",
                "enum": ["pending", "accepted", "rejected"],
            },
            "updated_at": {"type": "string", "description": "When the member last changed"},
        },
    })
}

fn collection(name: &str, item: Value) -> Value {
    json!({
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    })
}
