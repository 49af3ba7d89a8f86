//! `os-volume_upload_image`: an image of what a volume holds.

use super::{Asked, wrong};
use crate::http::time;
use crate::image::visibility;
use crate::volume::envelope::Answer;
use crate::volume::fields::bool_of;
use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{UploadRequest, VolumeVerbs};
use hatchery_model::image::{DiskFormat, Visibility};
use hatchery_model::volume::VolumeType;
use serde_json::{Map, Value, json};

/// What Cinder's clients may ask for.
const FORMATS: [&str; 7] = ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"];

/// `{"image_name": …, "force": …, "disk_format": …, "container_format": …}`, since 3.1 with `visibility` and `protected`.
pub(super) async fn upload(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let is_newer = asked.version.0 >= 1;
    let known =
        ["image_name", "force", "disk_format", "container_format", "visibility", "protected"];
    let fields = asked.fields(if is_newer { &known } else { &known[..4] })?;
    let request = parse(fields)?;
    let made = verbs.upload_to_image(asked.caller, asked.volume()?, request).await?;
    let (image, volume) = (&made.image, &made.volume);
    let mut shown = json!({
        "id": volume.id,
        "updated_at": time::micros(volume.updated_at),
        "status": volume.state.status(),
        "display_description": volume.description,
        "size": volume.size_gib,
        "volume_type": whole_type(&made.volume_type),
        "image_id": image.id,
        "container_format": image.container_format.map(|format| format.as_str()),
        "disk_format": image.disk_format.map(|format| format.as_str()),
        "image_name": image.name,
    });
    if is_newer {
        shown["visibility"] = json!(visibility(image.visibility));
        shown["protected"] = json!(image.protected);
    }
    Ok((StatusCode::ACCEPTED, Json(json!({"os-volume_upload_image": shown}))).into_response())
}

/// The type with all that Cinder's row of it has.
fn whole_type(volume_type: &VolumeType) -> Value {
    json!({
        "id": volume_type.id,
        "name": volume_type.name,
        "description": volume_type.description,
        "is_public": volume_type.is_public,
        "extra_specs": {},
        "qos_specs_id": null,
        "created_at": time::micros(volume_type.created_at),
        "updated_at": volume_type.updated_at.map(time::micros),
        "deleted": false,
        "deleted_at": null,
    })
}

fn parse(fields: &Map<String, Value>) -> Result<UploadRequest, Error> {
    let name = text(fields, "image_name")?.unwrap_or_default();
    if name.is_empty() || name.chars().count() > 255 {
        return Err(wrong("image_name"));
    }
    let visibility = match text(fields, "visibility")? {
        None | Some("private") => Visibility::Private,
        Some("public") => Visibility::Public,
        Some("shared") => Visibility::Shared,
        Some("community") => Visibility::Community,
        Some(_) => return Err(wrong("visibility")),
    };
    match text(fields, "container_format")? {
        None | Some("bare") => {}
        Some(other) => {
            return Err(Error::Invalid(format!(
                "An image of a volume has the container_format bare here, not '{other}'."
            )));
        }
    }
    Ok(UploadRequest {
        name: name.to_owned(),
        format: format(text(fields, "disk_format")?.unwrap_or("raw"))?,
        visibility,
        protected: flag(fields, "protected")?,
        force: flag(fields, "force")?,
    })
}

fn format(word: &str) -> Result<DiskFormat, Error> {
    match word {
        "raw" => Ok(DiskFormat::Raw),
        "qcow2" => Ok(DiskFormat::Qcow2),
        other if FORMATS.contains(&other) => Err(Error::Invalid(format!(
            "An image of a volume cannot have the disk_format {other} here: choose raw or qcow2, and convert it afterwards with qemu-img."
        ))),
        _ => Err(wrong("disk_format")),
    }
}

/// `container_format` may be null, as in Cinder; what else is null is refused with the first value that is none.
fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Error> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::Null) if name == "container_format" => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| wrong(name)),
    }
}

fn flag(fields: &Map<String, Value>, name: &str) -> Result<bool, Error> {
    match fields.get(name) {
        None => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(Value::String(text)) => bool_of(text).ok_or_else(|| wrong(name)),
        Some(_) => Err(wrong(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use hatchery_model::image::{DiskFormat, Visibility};
    use serde_json::{Value, json};

    fn parsed(body: &Value) -> Result<super::UploadRequest, String> {
        parse(body.as_object().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_is_as_cinder_has_it() {
        let request = parsed(&json!({"image_name": "a", "container_format": null})).unwrap();
        assert_eq!((request.format, request.visibility), (DiskFormat::Raw, Visibility::Private));
        assert!(!request.force && !request.protected);
        let request =
            parsed(&json!({"image_name": "a", "force": "True", "disk_format": "qcow2"})).unwrap();
        assert!(request.force);
        assert_eq!(request.format, DiskFormat::Qcow2);
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_reason() {
        for (body, why) in [
            (json!({}), "image_name"),
            (json!({"image_name": "x".repeat(256)}), "image_name"),
            (json!({"image_name": "a", "disk_format": "vmdk"}), "choose raw or qcow2"),
            (json!({"image_name": "a", "disk_format": "iso"}), "disk_format"),
            (json!({"image_name": "a", "container_format": "compressed"}), "bare here"),
            (json!({"image_name": "a", "visibility": "mine"}), "visibility"),
            (json!({"image_name": "a", "force": 1}), "force"),
        ] {
            let error = parsed(&body).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
