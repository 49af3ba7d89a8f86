//! `POST /volumes/{id}/action`: one action, named by the body's only key.

mod administration;
mod image_metadata;
mod moving;
mod plugging;
mod resizing;
mod upload_image;

use super::view::volume_id;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::volume::envelope::{Answer, Volume};
use crate::volume::fields::bool_of;
use crate::volume::microversion::Microversion;
use axum::extract::{Path, State};
use hatchery_control::Error;
use hatchery_control::volume::VolumeVerbs;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Who asks for what to be done to which volume.
struct Asked<'a> {
    caller: &'a Caller,
    version: Microversion,
    id: &'a str,
    action: &'a str,
    argument: &'a Value,
}

impl Asked<'_> {
    /// The volume's id. To be read after the argument: a body that makes no sense is refused first.
    fn volume(&self) -> Result<VolumeId, Error> {
        volume_id(self.id)
    }

    /// The argument's fields, of which there are none but these.
    fn fields(&self, known: &[&str]) -> Result<&Map<String, Value>, Error> {
        let fields = self.argument.as_object().ok_or_else(|| wrong(self.action))?;
        match fields.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(fields),
            Some(key) => Err(Error::Invalid(format!(
                "Additional properties are not allowed ('{key}' was unexpected)"
            ))),
        }
    }

    /// The argument's only field, a boolean in one of its spellings.
    fn only_flag(&self, field: &str) -> Result<bool, Error> {
        match self.fields(&[field])?.get(field) {
            Some(Value::Bool(on)) => Ok(*on),
            Some(Value::String(text)) => bool_of(text).ok_or_else(|| wrong(field)),
            Some(_) | None => Err(wrong(field)),
        }
    }

    /// The argument's only field, a text.
    fn only_text(&self, field: &str) -> Result<&str, Error> {
        self.fields(&[field])?.get(field).and_then(Value::as_str).ok_or_else(|| wrong(field))
    }
}

fn wrong(what: &str) -> Error {
    Error::Invalid(format!("Invalid input for field/attribute {what}."))
}

/// Does it.
pub async fn action(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<Map<String, Value>, Volume>,
) -> Answer {
    let mut actions = body.into_iter();
    let (Some((name, argument)), None) = (actions.next(), actions.next()) else {
        return Err(
            Error::Invalid("Malformed request body: it must name one action.".into()).into()
        );
    };
    let asked = Asked { caller: &caller, version, id: &id, action: &name, argument: &argument };
    match name.as_str() {
        "os-extend" => resizing::extend(&verbs, &asked).await,
        "revert" => resizing::revert(&verbs, &asked).await,
        "os-reset_status" => administration::reset_status(&verbs, &asked).await,
        "os-force_delete" => administration::force_delete(&verbs, &asked).await,
        "os-set_bootable" => administration::set_bootable(&verbs, &asked).await,
        "os-update_readonly_flag" => administration::set_read_only(&verbs, &asked).await,
        "os-reserve" => plugging::reserve(&verbs, &asked).await,
        "os-unreserve" => plugging::unreserve(&verbs, &asked).await,
        "os-begin_detaching" => plugging::begin_detaching(&verbs, &asked).await,
        "os-roll_detaching" => plugging::roll_detaching(&verbs, &asked).await,
        "os-set_image_metadata" => image_metadata::set(&verbs, &asked).await,
        "os-unset_image_metadata" => image_metadata::unset(&verbs, &asked).await,
        "os-show_image_metadata" => image_metadata::show(&verbs, &asked).await,
        "os-attach" => plugging::attach(&verbs, &asked).await,
        "os-detach" => plugging::detach(&verbs, &asked).await,
        "os-force_detach" => plugging::force_detach(&verbs, &asked).await,
        "os-initialize_connection" => refuse(&verbs, &asked).await,
        "os-terminate_connection" => refuse(&verbs, &asked).await,
        "os-volume_upload_image" => upload_image::upload(&verbs, &asked).await,
        "os-retype" => moving::retype(&verbs, &asked).await,
        "os-reimage" => refuse(&verbs, &asked).await,
        "os-migrate_volume" => moving::migrate(&verbs, &asked).await,
        "os-migrate_volume_completion" => refuse(&verbs, &asked).await,
        "os-extend_volume_completion" => refuse(&verbs, &asked).await,
        "os-unmanage" => moving::unmanage(&verbs, &asked).await,
        _ => Err(Error::Invalid(format!("There is no such action: {name}")).into()),
    }
}

/// An action of Cinder's that is not served. Whoever may not see the volume hears of that first.
async fn refuse(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    verbs.find_volume(asked.caller, asked.volume()?).await?;
    Err(Error::Unsupported(format!("{} is not served here.", asked.action)).into())
}
