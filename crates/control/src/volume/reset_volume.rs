//! What administrators set by hand, and the first steps of who plugs volumes without an attachment's row.

use super::send::{Writing, keep};
use super::verbs::VolumeVerbs;
use super::{bind, extend_action, moving, upload_to_image};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{MigrationStatus, VolumeState};

impl VolumeVerbs {
    /// Sets the volume's state by hand (`os-reset_status`), and what is said of its last way to another backend; `detached`: forgets its
    /// attachments. Administrators only.
    ///
    /// `NotFound`, `Denied`; `Invalid` for a state that is none of those that can be set. An answer that the volume waits for is not waited for
    /// any more.
    pub async fn reset_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        (status, migration): (Option<&str>, Option<Option<MigrationStatus>>),
        detached: bool,
    ) -> Result<(), Error> {
        policy::admin(caller, "volume_extension:volume_admin_actions:reset_status")?;
        let mut uow = self.ports.store.begin().await?;
        let found = uow.volumes().find(id).await?;
        let mut volume = found.ok_or_else(|| Error::not_found("Volume", id))?;
        let attachments = uow.attachments().list(None, Some(id), None).await?;
        let mut orders = Vec::new();
        if let Some(status) = status {
            let status = status.to_lowercase();
            if status == "in-use" && (attachments.is_empty() || detached) {
                return Err(Error::Invalid(
                    "Cannot reset-state to in-use because volume does not have any attachments."
                        .into(),
                ));
            }
            let state = VolumeState::set_by_hand(&status)
                .ok_or_else(|| Error::Invalid(format!("Cannot reset-state to {status}")))?;
            moving::left_behind(&mut volume);
            let before = std::mem::replace(&mut volume.state, state);
            let (entropy, request) = (&*self.ports.entropy, &caller.request);
            let writing = Writing { entropy, now: self.ports.clock.now(), request };
            orders = upload_to_image::abandoned(&mut *uow, writing, &volume, &before).await?;
            let unknown = "An administrator has set the volume's state meanwhile.";
            extend_action::end(&mut *uow, writing, (&before, &attachments), Some(unknown)).await?;
        }
        if let Some(migration) = migration {
            volume.migration = migration;
        }
        if detached {
            for attachment in attachments {
                uow.attachments().delete(attachment.id).await?;
            }
        }
        keep(&mut *uow, &mut volume, self.ports.clock.now()).await?;
        uow.commit().await?;
        self.ports.outgoing.hand_over(orders);
        Ok(())
    }

    /// `os-reserve`: nobody else may use the volume now. `Invalid` unless it is available (or shared).
    pub async fn reserve_volume(&self, caller: &Caller, id: VolumeId) -> Result<(), Error> {
        self.change(caller, id, "volume_extension:volume_actions:reserve", |volume| {
            let (found, multiattach) = (volume.state.clone(), volume.multiattach);
            found.clone().reserved(multiattach).map_err(|_| {
                let expected = if multiattach { "available or in-use" } else { "available" };
                Error::Invalid(format!(
                    "Invalid volume: Volume status must be {expected} to reserve, but the status is {}.",
                    found.status()
                ))
            })?;
            volume.state = VolumeState::Attaching;
            Ok(())
        })
        .await
        .map(drop)
    }

    /// `os-unreserve`: takes `os-reserve` back. Of a volume that is not reserved, nothing.
    pub async fn unreserve_volume(&self, caller: &Caller, id: VolumeId) -> Result<(), Error> {
        let attachments = self.find_volume(caller, id).await?.attachments;
        self.change(caller, id, "volume_extension:volume_actions:unreserve", |volume| {
            if volume.state == VolumeState::Attaching {
                volume.state = bind::state_of(&attachments);
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    /// `os-begin_detaching`. `Invalid` unless a server uses it.
    pub async fn begin_detaching(&self, caller: &Caller, id: VolumeId) -> Result<(), Error> {
        self.change(caller, id, "volume_extension:volume_actions:begin_detaching", |volume| {
            if volume.state != VolumeState::InUse {
                return Err(Error::Invalid(
                    "Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.".into(),
                ));
            }
            volume.state = VolumeState::Detaching;
            Ok(())
        })
        .await
        .map(drop)
    }

    /// `os-roll_detaching`: takes `os-begin_detaching` back. Of a volume that is not being detached, nothing.
    pub async fn roll_detaching(&self, caller: &Caller, id: VolumeId) -> Result<(), Error> {
        self.change(caller, id, "volume_extension:volume_actions:roll_detaching", |volume| {
            if volume.state == VolumeState::Detaching {
                volume.state = VolumeState::InUse;
            }
            Ok(())
        })
        .await
        .map(drop)
    }
}
