//! An image as Glance shows it.

use crate::http::time;
use hatchery_model::image::{Image, ImageState, Visibility};
use serde_json::{Map, Value, json};

/// The whole image. Free properties stand beside the base ones.
pub fn image(image: &Image) -> Value {
    let mut view: Map<String, Value> = image
        .properties
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    let content = image.content();
    let own = format!("/v2/images/{}", image.id);
    let base = json!({
        "id": image.id.to_string(),
        "name": image.name,
        "status": status(&image.state),
        "visibility": visibility(image.visibility),
        "protected": image.protected,
        "os_hidden": image.hidden,
        "checksum": content.map(|content| &content.md5),
        "os_hash_algo": content.map(|_| "sha512"),
        "os_hash_value": content.map(|content| &content.sha512),
        "owner": image.owner.as_str(),
        "size": content.map(|content| content.size.0),
        "virtual_size": content.map(|content| content.inspection.virtual_bytes.0),
        "container_format": image.container_format.map(|format| format.as_str()),
        "disk_format": image.disk_format.map(|format| format.as_str()),
        "created_at": time::seconds(image.created_at),
        "updated_at": time::seconds(image.updated_at),
        "tags": image.tags,
        "min_ram": image.min_ram_mib,
        "min_disk": image.min_disk_gib,
        "file": format!("{own}/file"),
        "self": own,
        "schema": "/v2/schemas/image",
    });
    if let Value::Object(base) = base {
        view.extend(base);
    }
    Value::Object(view)
}

/// Glance's word for a state.
pub fn status(state: &ImageState) -> &'static str {
    match state {
        ImageState::Queued => "queued",
        ImageState::Saving { .. } | ImageState::Arriving { .. } => "saving",
        ImageState::Active(_) => "active",
        ImageState::Deactivated(_) => "deactivated",
        ImageState::Deleting => "pending_delete",
    }
}

/// Glance's word for a visibility.
pub fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
        Visibility::Shared => "shared",
        Visibility::Community => "community",
    }
}

/// The visibility of a word.
pub fn visibility_of(word: &str) -> Option<Visibility> {
    match word {
        "public" => Some(Visibility::Public),
        "private" => Some(Visibility::Private),
        "shared" => Some(Visibility::Shared),
        "community" => Some(Visibility::Community),
        _ => None,
    }
}
