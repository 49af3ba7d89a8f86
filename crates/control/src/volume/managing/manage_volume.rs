//! Takes what a backend holds for a volume.

use super::backend;
use crate::error::Error;
use crate::policy;
use crate::volume::allowance::{self, More};
use crate::volume::find_volume::{VolumeDetail, detail};
use crate::volume::send::{self, Writing};
use crate::volume::types::usable_type;
use crate::volume::verbs::VolumeVerbs;
use crate::volume::{pairs, waiting};
use hatchery_model::caller::Caller;
use hatchery_model::generation::Generation;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{Volume, VolumeState, VolumeWork};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// What is to be taken, and what the volume is to be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ManageRequest {
    /// The backend: `host@backend`, or with its pool.
    pub host: String,
    /// Its name there.
    pub source_name: String,
    /// The volume's name.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Id or name of its type. `None`: the default.
    pub volume_type: Option<String>,
    /// Its zone. `None`: the default.
    pub availability_zone: Option<String>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Whether a server may boot from it.
    pub bootable: bool,
}

impl VolumeVerbs {
    /// A new volume, `managing`, and ordered. Administrators only.
    ///
    /// `NotFound` (backend, type), `Unavailable` (backend), `Invalid`, `Exhausted` (quota of volumes). What its backend does not take is in
    /// `error_managing` afterwards, and its project is told why.
    pub async fn manage_volume(
        &self,
        caller: &Caller,
        request: ManageRequest,
    ) -> Result<VolumeDetail, Error> {
        policy::admin(caller, "volume_extension:volume_manage")?;
        let project = policy::writer_project(caller, "volume_extension:volume_manage")?;
        pairs::check(&request.metadata)?;
        let ports = &self.ports;
        let now = ports.clock.now();
        let mut uow = ports.store.begin().await?;
        let named = request.volume_type.as_deref();
        let volume_type = usable_type(&mut *uow, &ports.settings, caller, named).await?;
        check_free(&mut *uow, &request.source_name).await?;
        let backend = backend(&mut *uow, &ports.settings, now, &request.host).await?;
        let more = More { project, volume_type: &volume_type, volumes: 1, snapshots: 0, gib: 0 };
        allowance::check(&mut *uow, &ports.settings, &more).await?;
        let id = VolumeId(random_uuid(&*ports.entropy));
        let zone = ports.settings.storage_availability_zone.clone();
        let work = VolumeWork::Manage(id, request.source_name);
        let volume = Volume {
            id,
            generation: Generation::FIRST,
            project: project.clone(),
            user: caller.user.clone(),
            name: request.name,
            description: request.description,
            size_gib: 0,
            state: VolumeState::Managing(send::ordered(Generation::FIRST, work, now)),
            backend: Some(backend),
            source: None,
            volume_type: volume_type.id,
            availability_zone: request.availability_zone.unwrap_or(zone),
            metadata: request.metadata,
            bootable: request.bootable,
            read_only: false,
            read_only_said: false,
            multiattach: volume_type.multiattach(),
            image: None,
            image_metadata: BTreeMap::new(),
            source_snapshot: None,
            source_volume: None,
            group: None,
            way: None,
            migration: None,
            left_at: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        uow.volumes().insert(&volume).await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let order = waiting::send_volume(&mut *uow, writing, &volume).await?;
        let shown = detail(&mut *uow, volume).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(shown)
    }
}

/// Refuses the name of a volume that there is.
async fn check_free(uow: &mut dyn UnitOfWork, name: &str) -> Result<(), Error> {
    let id = name.strip_prefix("volume-").map(|rest| rest.get(..36).unwrap_or(rest));
    if let Some(id) = id.and_then(|id| id.parse::<VolumeId>().ok())
        && uow.volumes().find(id).await?.is_some()
    {
        return Err(Error::Invalid(
            "Invalid volume: Unable to manage existing volume. The volume is already managed"
                .into(),
        ));
    }
    Ok(())
}
