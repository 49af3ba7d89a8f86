//! Who may see and change what a project has of volumes.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::Volume;
use hatchery_ports::store::UnitOfWork;

/// The volume, if the caller may see it; `NotFound` otherwise.
pub(super) async fn seen(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: VolumeId,
) -> Result<Volume, Error> {
    let found = uow.volumes().find(id).await?;
    found
        .filter(|volume| policy::may_read(caller, &volume.project))
        .ok_or_else(|| Error::not_found("Volume", id))
}
