//! Has a volume made larger.

use super::access;
use super::allowance::{self, More};
use super::extend_action;
use super::send::{self, Writing};
use super::verbs::VolumeVerbs;
use super::waiting;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{VolumeState, VolumeWork};

impl VolumeVerbs {
    /// Has the volume so large, in GiB. `while_used`: also while servers use it (microversion 3.42). Needs `member` on its project.
    ///
    /// `NotFound`, `Denied`, `Invalid` (smaller, or not in a state for it), `Exhausted` (quota).
    pub async fn extend_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        to_gib: u64,
        while_used: bool,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let action = "volume:extend";
        let mut volume = access::changeable(&mut *uow, caller, id, action).await?;
        if to_gib <= volume.size_gib {
            return Err(Error::Invalid(format!(
                "Invalid input received: New size for extend must be greater than current size. (current: {}, extended: {to_gib}).",
                volume.size_gib
            )));
        }
        let attached = match volume.state {
            VolumeState::Available => false,
            VolumeState::InUse if while_used => true,
            ref other => {
                return Err(Error::Invalid(format!(
                    "Invalid volume: Volume {id} status must be '{{'status': 'available'}}' to extend, currently {}.",
                    other.status()
                )));
            }
        };
        allowance::check_size(&mut *uow, &ports.settings, &volume.project, to_gib).await?;
        let volume_type = uow.volume_types().find(volume.volume_type).await?;
        let volume_type =
            volume_type.ok_or_else(|| Error::not_found("Volume type", volume.volume_type))?;
        let more = More {
            project: &volume.project,
            volume_type: &volume_type,
            volumes: 0,
            snapshots: 0,
            gib: to_gib - volume.size_gib,
        };
        allowance::check(&mut *uow, &ports.settings, &more).await?;
        let now = ports.clock.now();
        let work = VolumeWork::Extend(id, Bytes::from_gib(to_gib));
        let order = send::ordered(volume.generation.next(), work, now);
        let request = Some(caller.request.clone());
        volume.state = VolumeState::Extending { to_gib, attached, order, request };
        send::keep(&mut *uow, &mut volume, now).await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        extend_action::begin(&mut *uow, caller, id, now).await?;
        let order = waiting::send_volume(&mut *uow, writing, &volume).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(())
    }
}
