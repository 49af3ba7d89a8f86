//! An image as Glance shows it.

use crate::http::time;
use hatchery_model::image::{Image, ImageState, Visibility};
use hatchery_model::provision::ImageLocation;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Whether it is shown where an image's bytes lie, and by which names. Nothing by default, as in Glance: it tells of the cloud's inside.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Shown {
    /// `show_image_direct_url`
    pub direct_url: bool,
    /// `show_multiple_locations`
    pub locations: bool,
    /// The folder of images that lie in files.
    pub files: PathBuf,
}

impl Shown {
    fn add(&self, image: &Image, view: &mut Map<String, Value>) {
        let url = image.content().map(|content| match &content.location {
            Some(ImageLocation { fsid, pool, image, snapshot }) => {
                format!("rbd://{fsid}/{pool}/{image}/{snapshot}")
            }
            None => format!("file://{}", self.files.join(image.id.to_string()).display()),
        });
        if self.locations {
            let all: Vec<Value> =
                url.iter().map(|url| json!({"url": url, "metadata": {}})).collect();
            view.insert("locations".to_owned(), Value::from(all));
        }
        if let (true, Some(url)) = (self.direct_url, url) {
            view.insert("direct_url".to_owned(), Value::from(url));
        }
    }
}

/// The whole image. Free properties stand beside the base ones.
pub fn image(image: &Image, shown: &Shown) -> Value {
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
    shown.add(image, &mut view);
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
