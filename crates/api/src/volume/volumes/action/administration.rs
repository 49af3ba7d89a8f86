//! What is set of a volume by hand.

use super::{Asked, wrong};
use crate::volume::envelope::Answer;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{VolumeChanges, VolumeRemoval, VolumeVerbs};
use hatchery_model::volume::MigrationStatus;
use serde_json::Value;

/// `os-reset_status`: `{"status": …, "attach_status": …, "migration_status": …}`
pub(super) async fn reset_status(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let fields = asked.fields(&["status", "attach_status", "migration_status"])?;
    if fields.values().all(Value::is_null) {
        return Err(Error::Invalid(
            "Must specify 'status', 'attach_status' or 'migration_status' for update.".into(),
        )
        .into());
    }
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| wrong(name)),
    };
    let detached = match text("attach_status")?.map(str::to_lowercase).as_deref() {
        None | Some("attached") => false,
        Some("detached") => true,
        Some(_) => return Err(wrong("attach_status").into()),
    };
    let migration = match text("migration_status")?.map(str::to_lowercase).as_deref() {
        None => None,
        Some("none") => Some(None),
        Some(word) => {
            let read = MigrationStatus::read(word);
            Some(Some(read.ok_or_else(|| wrong("migration_status"))?))
        }
    };
    let to = (text("status")?, migration);
    verbs.reset_volume(asked.caller, asked.volume()?, to, detached).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `os-force_delete`: whatever the volume's state is.
pub(super) async fn force_delete(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let how = VolumeRemoval { force: true, ..VolumeRemoval::default() };
    verbs.delete_volume(asked.caller, asked.volume()?, how).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `os-set_bootable`: `{"bootable": true}`
pub(super) async fn set_bootable(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let bootable = Some(asked.only_flag("bootable")?);
    let changes = VolumeChanges { bootable, ..VolumeChanges::default() };
    verbs.update_volume(asked.caller, asked.volume()?, changes).await?;
    Ok(StatusCode::OK.into_response())
}

/// `os-update_readonly_flag`: `{"readonly": true}`
pub(super) async fn set_read_only(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let on = asked.only_flag("readonly")?;
    verbs.set_read_only(asked.caller, asked.volume()?, on).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
