//! Gives a volume another type, and brings it to a backend that is what the type asks for, where its own is not.

use super::{begin, kept_by, target};
use crate::error::Error;
use crate::volume::allowance::{self, More};
use crate::volume::send::{self, Writing};
use crate::volume::services::disabled_backends;
use crate::volume::tell::{self, About};
use crate::volume::types::usable_type;
use crate::volume::verbs::VolumeVerbs;
use crate::volume::{access, placement, qos};
use hatchery_model::caller::Caller;
use hatchery_model::compute::Host;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{BackendName, Volume, VolumeState, VolumeType};
use hatchery_ports::store::UnitOfWork;

/// Whether the volume may be brought to another backend for its new type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MigrationPolicy {
    /// It stays.
    #[default]
    Never,
    /// Where its own backend is not what the type asks for.
    OnDemand,
}

/// Another type for a volume.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retype {
    /// Its id or name.
    pub new_type: String,
    /// Whether the volume may move.
    pub policy: MigrationPolicy,
}

impl VolumeVerbs {
    /// Gives a volume another type. Needs `member` on its project.
    ///
    /// `NotFound` (volume, type), `Denied`; `Invalid` where the volume's state does not allow it; `Exhausted` (quota of the type). Where its
    /// backend is not what the type asks for and the volume may not or cannot move, it stays as it is and its project is told why, as with Cinder.
    pub async fn retype_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        wanted: &Retype,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let now = ports.clock.now();
        let mut uow = ports.store.begin().await?;
        let mut volume = access::changeable(&mut *uow, caller, id, "volume:retype").await?;
        let named = Some(wanted.new_type.as_str());
        let new_type = usable_type(&mut *uow, &ports.settings, caller, named).await?;
        check(&mut *uow, &volume, &new_type).await?;
        let more = More {
            project: &volume.project,
            volume_type: &new_type,
            volumes: 1,
            snapshots: 0,
            gib: volume.size_gib,
        };
        allowance::check_type(&mut *uow, &ports.settings, &more).await?;
        let hosts = uow.hosts().list().await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let stays = fits(&hosts, volume.backend.as_ref(), &new_type);
        let mut orders = Vec::new();
        match self.way(&mut *uow, &hosts, (&volume, &new_type), (stays, wanted.policy)).await? {
            Ok(None) => {
                (volume.volume_type, volume.multiattach) = (new_type.id, new_type.multiattach());
                send::keep(&mut *uow, &mut volume, now).await?;
            }
            Ok(Some(to)) => {
                let how = (Some(new_type.id), false);
                orders.extend(begin(&mut *uow, writing, &mut volume, to, how).await?);
            }
            Err(why) => {
                tracing::warn!(volume.id = %id, why, "a volume keeps its type");
                let about = (&volume.project, About::Volume(id));
                let what = (tell::RETYPE, tell::NO_BACKEND);
                tell::tell(&mut *uow, writing, &ports.settings, about, what, &why).await?;
            }
        }
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(())
    }

    /// Where the volume has to go. `None`: it may stay. `Err`: why it keeps its type.
    async fn way(
        &self,
        uow: &mut dyn UnitOfWork,
        hosts: &[Host],
        (volume, new_type): (&Volume, &VolumeType),
        (stays, policy): (Result<(), String>, MigrationPolicy),
    ) -> Result<Result<Option<BackendName>, String>, Error> {
        let Err(why) = stays else { return Ok(Ok(None)) };
        if policy == MigrationPolicy::Never {
            return Ok(Err(format!(
                "Retype requires migration but is not allowed: {why}. Ask for it with the migration policy on-demand."
            )));
        }
        if let Some(why) = kept_by(uow, volume).await? {
            return Ok(Err(format!("Retype requires migration: {why}")));
        }
        let disabled = disabled_backends(uow).await?;
        let how = (&*self.ports.settings, self.ports.clock.now());
        let to = target(hosts, volume, (new_type, &disabled), None, how);
        Ok(to.map(Some).map_err(|refused| refused.join(" ")))
    }
}

/// Whether the backend of a volume is what a type asks for. One that is not reported is taken for it, as it was for the type that the volume has.
fn fits(
    hosts: &[Host],
    backend: Option<&BackendName>,
    new_type: &VolumeType,
) -> Result<(), String> {
    let Some(backend) = backend else { return Ok(()) };
    let reports = hosts.iter().filter(|host| host.name == backend.host).flat_map(|h| &h.backends);
    let report = reports.into_iter().find(|report| report.backend == backend.backend);
    match report {
        Some(report) => placement::fits_type(report, new_type)
            .map_err(|why| format!("{backend}, where it is: {why}")),
        None => Ok(()),
    }
}

/// In Cinder's words.
async fn check(
    uow: &mut dyn UnitOfWork,
    volume: &Volume,
    new_type: &VolumeType,
) -> Result<(), Error> {
    let (available, used) =
        (volume.state == VolumeState::Available, volume.state == VolumeState::InUse);
    if volume.multiattach != new_type.multiattach() && !available {
        return Err(Error::Invalid(format!(
            "Invalid input received: Invalid volume_type passed, retypes affecting multiattach are only allowed on available volumes, the specified volume however currently has a status of: {}.",
            volume.state.status()
        )));
    }
    let specs_change = used
        && qos::front_end(uow, volume.volume_type, volume.size_gib).await?
            != qos::front_end(uow, new_type.id, volume.size_gib).await?;
    let differs = volume.volume_type != new_type.id;
    if (available || used) && volume.group.is_none() && differs && !specs_change {
        return Ok(());
    }
    Err(Error::Invalid(
        "Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active migration or a consistency group, requested type has to be different that the one from the volume, and for in-use volumes front-end qos specs cannot change.".into(),
    ))
}
