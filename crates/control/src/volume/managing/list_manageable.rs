//! Lists what a backend holds: asked of the host that serves it.

use super::backend;
use crate::error::Error;
use crate::policy;
use crate::volume::VolumeSettings;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::message::{Answer, Ask};
use hatchery_model::units::Bytes;
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
        let mut uow = self.store.read().await?;
        let now = self.clock.now();
        let backend = backend(&mut *uow, &self.settings, now, host).await?;
        drop(uow);
        let ask = Ask::ManageableVolumes { backend: backend.backend.clone() };
        let Answer::ManageableVolumes(found) = self.bus.ask(&backend.host, ask, DEADLINE).await?
        else {
            return Err(Error::Conflict(format!(
                "Host {} does not serve the backend {}.",
                backend.host, backend.backend
            )));
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
}
