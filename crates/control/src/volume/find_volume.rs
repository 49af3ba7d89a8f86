//! Shows a volume with what stands in other rows.

use super::access;
use super::verbs::VolumeVerbs;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{Attachment, Volume};
use hatchery_ports::store::UnitOfWork;

/// A volume, and what is shown with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeDetail {
    /// The volume.
    pub volume: Volume,
    /// What binds it to servers, by time made.
    pub attachments: Vec<Attachment>,
    /// Its type's name. `None`: the type is gone.
    pub type_name: Option<String>,
}

impl VolumeVerbs {
    /// One volume. Needs `reader` on its project; `NotFound` for everybody else.
    pub async fn find_volume(&self, caller: &Caller, id: VolumeId) -> Result<VolumeDetail, Error> {
        let mut uow = self.ports.store.read().await?;
        let volume = access::seen(&mut *uow, caller, id).await?;
        detail(&mut *uow, volume).await
    }
}

/// The volume with what is shown with it.
pub(super) async fn detail(
    uow: &mut dyn UnitOfWork,
    volume: Volume,
) -> Result<VolumeDetail, Error> {
    let attachments = uow.attachments().list(None, Some(volume.id), None).await?;
    let found = uow.volume_types().find(volume.volume_type).await?;
    Ok(VolumeDetail { volume, attachments, type_name: found.map(|found| found.name) })
}
