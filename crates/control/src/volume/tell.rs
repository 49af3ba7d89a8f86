//! Tells the user of a volume what could not be done, by Cinder's numbers.

use super::send::Writing;
use super::settings::VolumeSettings;
use crate::error::Error;
use hatchery_model::id::{ProjectId, SnapshotId, VolumeId, VolumeMessageId};
use hatchery_model::volume::VolumeMessage;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;

/// What was being done: Cinder's number and its words.
pub(crate) type Action = (&'static str, &'static str);
/// What went wrong: Cinder's number and its sentence.
pub(crate) type Detail = (&'static str, &'static str);

pub(crate) const SCHEDULE: Action = ("001", "schedule allocate volume");
pub(crate) const ATTACH: Action = ("002", "attach volume");
pub(crate) const COPY_VOLUME_TO_IMAGE: Action = ("003", "copy volume to image");
pub(crate) const COPY_IMAGE_TO_VOLUME: Action = ("005", "copy image to volume");
pub(crate) const EXTEND: Action = ("007", "extend volume");
pub(crate) const CREATE: Action = ("008", "create volume from backend storage");
pub(crate) const SNAPSHOT_CREATE: Action = ("009", "create snapshot");
pub(crate) const SNAPSHOT_DELETE: Action = ("010", "delete snapshot");
/// Cinder has no words for these two.
pub(crate) const DELETE: Action = ("017", "delete volume");
pub(crate) const REVERT: Action = ("018", "revert volume to snapshot");
/// Nor for these.
pub(crate) const MIGRATE: Action = ("019", "migrate volume");
pub(crate) const RETYPE: Action = ("020", "retype volume");
pub(crate) const MANAGE: Action = ("021", "manage existing volume");
pub(crate) const SNAPSHOT_MANAGE: Action = ("022", "manage existing snapshot");
pub(crate) const SNAPSHOT_UNMANAGE: Action = ("023", "unmanage snapshot");
pub(crate) const UNMANAGE: Action = ("006", "unmanage volume");

pub(crate) const UNKNOWN: Detail = ("001", "An unknown error occurred.");
pub(crate) const NO_BACKEND: Detail = ("003", "Could not find any available weighted backend.");
pub(crate) const NOT_UPLOADED: Detail = ("004", "Failed to upload volume to image at backend.");
pub(crate) const NOT_EXTENDED: Detail = ("010", "Volume Driver failed to extend volume.");
pub(crate) const NOT_CREATED: Detail = ("012", "Driver failed to create the volume.");
pub(crate) const SNAPSHOT_NOT_CREATED: Detail = ("013", "Snapshot failed to create.");
pub(crate) const SNAPSHOT_NOT_DELETED: Detail = ("016", "Snapshot failed to delete.");
pub(crate) const NOT_ATTACHED: Detail = ("021", "Failed to attach volume.");
pub(crate) const NOT_DETACHED: Detail = ("022", "Failed to detach volume.");

/// Whose thing it is.
pub(crate) enum About {
    Volume(VolumeId),
    Snapshot(SnapshotId),
}

/// Writes a message to a project down. `reason`: what is known beyond Cinder's sentence.
pub(crate) async fn tell(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    settings: &VolumeSettings,
    (project, about): (&ProjectId, About),
    (action, detail): (Action, Detail),
    reason: &str,
) -> Result<(), Error> {
    let (resource_type, resource) = match about {
        About::Volume(id) => ("VOLUME", id.to_string()),
        About::Snapshot(id) => ("VOLUME_SNAPSHOT", id.to_string()),
    };
    let message = VolumeMessage {
        id: VolumeMessageId(random_uuid(writing.entropy)),
        project: project.clone(),
        request: writing.request.clone(),
        resource_type: resource_type.to_owned(),
        resource,
        action: action.0.to_owned(),
        detail: detail.0.to_owned(),
        text: format!("{}:{} {reason}", action.1, detail.1).trim_end().to_owned(),
        created_at: writing.now,
        expires_at: writing.now.plus_seconds(settings.message_ttl),
    };
    Ok(uow.volume_messages().insert(&message).await?)
}
