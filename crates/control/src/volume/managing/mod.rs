//! Volumes and snapshots that come from outside: what a backend holds under another name is taken for one; and what there is to be taken. One verb
//! a file.
//! The way out, `os-unmanage`, is a removal that leaves the bytes.

mod list_manageable;
mod manage_snapshot;
mod manage_volume;

pub use list_manageable::{ManageableVerbs, ManageableVolume};
pub use manage_volume::ManageRequest;

use super::services::{disabled_backends, is_backend_up};
use super::settings::VolumeSettings;
use super::{image_cache, placement};
use crate::error::Error;
use hatchery_model::disk::BlockSource;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendName, Volume};
use hatchery_ports::store::UnitOfWork;

/// A volume is what its backend has found under the other name.
pub(super) fn taken(volume: &mut Volume, source: &BlockSource, size: Bytes) {
    volume.source = Some(source.clone());
    volume.size_gib = size.0.div_ceil(Bytes::from_gib(1).0);
}

/// The backend of a name (`host@backend`, or with its pool), which must be up and take volumes. `NotFound`, `Unavailable`.
async fn backend(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    now: Timestamp,
    name: &str,
) -> Result<BackendName, Error> {
    let disabled = disabled_backends(uow).await?;
    for host in uow.hosts().list().await? {
        for report in &host.backends {
            let found = placement::name_of(&host, report);
            let short = format!("{}@{}", found.host, found.backend);
            if name != short && name != found.to_string() {
                continue;
            }
            if !is_backend_up(&host, report, settings, now) || disabled.contains_key(&short) {
                let why = format!("the backend {short} is down or disabled");
                return Err(Error::Unavailable { source: why.into() });
            }
            return Ok(found);
        }
    }
    Err(Error::not_found("Service cinder-volume on host", name))
}

/// Whether a backend may have snapshots that others made, which only Ceph knows. One that was never heard of may.
async fn keeps_foreign_snapshots(
    uow: &mut dyn UnitOfWork,
    name: &BackendName,
) -> Result<bool, Error> {
    let report = image_cache::report_of(uow, name).await?;
    Ok(report.is_none_or(|report| report.protocol == "ceph"))
}
