//! Lists what a backend holds: asked of the host that serves it.

use super::backend;
use crate::error::Error;
use crate::policy;
use crate::volume::VolumeSettings;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::message::{Answer, Ask};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendName, ManageableSnapshot};
use hatchery_ports::bus::Bus;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// So long a host may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// `/manageable_volumes`
#[derive(Clone)]
pub struct ManageableVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Where hosts are asked.
    pub bus: Arc<dyn Bus>,
    /// What the operator has set.
    pub settings: Arc<VolumeSettings>,
}

/// What a backend holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManageableVolume {
    /// Its name there.
    pub name: String,
    /// Its size.
    pub size: Bytes,
    /// The volume that it is.
    pub volume: Option<VolumeId>,
    /// Why it cannot be taken. `None`: it can.
    pub refused_by: Option<String>,
}

impl ManageableVerbs {
    /// All that the backend (`host@backend`) holds, by name. Administrators only. `NotFound`; `Unavailable` where the backend or its host is down.
    pub async fn list(&self, caller: &Caller, host: &str) -> Result<Vec<ManageableVolume>, Error> {
        policy::admin(caller, "volume_extension:list_manageable")?;
        let backend = self.backend(host).await?;
        let ask = Ask::ManageableVolumes { backend: backend.backend.clone() };
        let Answer::ManageableVolumes(found) = self.bus.ask(&backend.host, ask, DEADLINE).await?
        else {
            return Err(not_served(&backend));
        };
        let mut uow = self.store.read().await?;
        let mut all = Vec::with_capacity(found.len());
        for one in found {
            // A backend may know a volume that no row knows any more.
            let volume = match one.volume {
                Some(id) => uow.volumes().find(id).await?.map(|volume| volume.id),
                None => None,
            };
            let managed = volume.map(|_| "already managed".to_owned());
            let refused_by = managed.or(one.refused_by);
            all.push(ManageableVolume { name: one.name, size: one.size, volume, refused_by });
        }
        Ok(all)
    }

    /// The snapshots of all that the backend (`host@backend`) holds, by what they are of and their names; those that the cloud knows name theirs.
    /// Administrators only. `NotFound`; `Unavailable` where the backend or its host is down.
    pub async fn list_snapshots(
        &self,
        caller: &Caller,
        host: &str,
    ) -> Result<Vec<ManageableSnapshot>, Error> {
        policy::admin(caller, "snapshot_extension:list_manageable")?;
        let backend = self.backend(host).await?;
        let ask = Ask::ManageableSnapshots { backend: backend.backend.clone() };
        let Answer::ManageableSnapshots(mut found) =
            self.bus.ask(&backend.host, ask, DEADLINE).await?
        else {
            return Err(not_served(&backend));
        };
        let mut uow = self.store.read().await?;
        for one in &mut found {
            // A backend may know names that no row knows any more.
            if let Some(id) = one.snapshot {
                one.snapshot = uow.snapshots().find(id).await?.map(|snapshot| snapshot.id);
            }
            if one.snapshot.is_some() {
                one.refused_by = Some("already managed".to_owned());
            } else if one.refused_by.is_none() {
                let is_managed = match one.volume {
                    Some(id) => uow.volumes().find(id).await?.is_some(),
                    None => false,
                };
                one.refused_by = (!is_managed).then(|| "its volume is not managed".to_owned());
            }
        }
        Ok(found)
    }

    async fn backend(&self, host: &str) -> Result<BackendName, Error> {
        let mut uow = self.store.read().await?;
        backend(&mut *uow, &self.settings, self.clock.now(), host).await
    }
}

fn not_served(backend: &BackendName) -> Error {
    Error::Conflict(format!(
        "Host {} does not serve the backend {}.",
        backend.host, backend.backend
    ))
}
