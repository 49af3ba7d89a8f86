//! Lists backends.

use super::{VolumeServiceVerbs, disabled_backends};
use crate::error::Error;
use crate::policy;
use crate::volume::VolumeSettings;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Host;
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{BackendName, BackendReport, Snapshot, Volume};
use hatchery_ports::store::{SnapshotFilter, UnitOfWork, VolumeFilter};
use std::collections::BTreeSet;

/// A backend on a host.
#[derive(Clone, PartialEq, Debug)]
pub struct BackendService {
    /// Its full name.
    pub name: BackendName,
    /// Where its volumes stand.
    pub zone: String,
    /// What its agent says of it.
    pub report: BackendReport,
    /// When its host was last heard.
    pub heard_at: Timestamp,
    /// Whether its host is heard, and the backend can be used.
    pub up: bool,
    /// An administrator keeps new volumes away, with a reason, which may be empty.
    pub disabled: Option<String>,
}

impl BackendService {
    /// `host@backend`: what Cinder calls the service's host.
    pub fn host(&self) -> String {
        format!("{}@{}", self.name.host, self.name.backend)
    }
}

/// Whether volumes can be made there now.
pub fn is_backend_up(
    host: &Host,
    report: &BackendReport,
    settings: &VolumeSettings,
    now: Timestamp,
) -> bool {
    report.down.is_none() && host.heard_at.plus_seconds(settings.service_down_seconds) >= now
}

impl VolumeServiceVerbs {
    /// All backends, by host and name. Administrators only; `action` is what they want it for.
    pub async fn list(&self, caller: &Caller, action: &str) -> Result<Vec<BackendService>, Error> {
        policy::admin(caller, action)?;
        let mut uow = self.store.read().await?;
        self.read(&mut *uow).await
    }

    /// The volumes on a backend (`host@backend`), and their snapshots. Administrators only. `NotFound`.
    pub async fn volumes_of(
        &self,
        caller: &Caller,
        host: &str,
    ) -> Result<(Vec<Volume>, Vec<Snapshot>), Error> {
        policy::admin(caller, "volume_extension:hosts")?;
        let mut uow = self.store.read().await?;
        let backends = self.read(&mut *uow).await?;
        let found = backends.into_iter().find(|backend| backend.host() == host);
        let backend = found.ok_or_else(|| Error::not_found("Host", host))?;
        let name = backend.name;
        let filter = VolumeFilter { host: Some(name.host.to_string()), ..VolumeFilter::default() };
        let mut volumes = uow.volumes().list(&filter, &Page::default()).await?;
        volumes
            .retain(|volume| volume.backend.as_ref().is_some_and(|at| at.backend == name.backend));
        let own: BTreeSet<_> = volumes.iter().map(|volume| volume.id).collect();
        let mut snapshots =
            uow.snapshots().list(&SnapshotFilter::default(), &Page::default()).await?;
        snapshots.retain(|snapshot| own.contains(&snapshot.volume));
        Ok((volumes, snapshots))
    }

    pub(super) async fn read(
        &self,
        uow: &mut dyn UnitOfWork,
    ) -> Result<Vec<BackendService>, Error> {
        let disabled = disabled_backends(uow).await?;
        let now = self.clock.now();
        let mut all = Vec::new();
        for host in uow.hosts().list().await? {
            for report in &host.backends {
                let name = BackendName {
                    host: host.name.clone(),
                    backend: report.backend.clone(),
                    pool: report.pool.clone(),
                };
                let mut one = BackendService {
                    name,
                    zone: self.settings.storage_availability_zone.clone(),
                    report: report.clone(),
                    heard_at: host.heard_at,
                    up: is_backend_up(&host, report, &self.settings, now),
                    disabled: None,
                };
                one.disabled = disabled.get(&one.host()).cloned();
                all.push(one);
            }
        }
        Ok(all)
    }
}
