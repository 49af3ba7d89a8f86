//! Volumes that are brought to another backend. The agent of the backend where one is to be reads it where it is, so it serves both; the row says
//! where the volume is, and is switched in the transaction that takes the copy over. Until then the source is the volume, afterwards it is removed.

mod answered;
mod migrate_volume;
mod retype_volume;

pub(crate) use answered::given_up;
pub(super) use answered::{done, failed, left_behind, next_removal};
pub use migrate_volume::Migration;
pub use retype_volume::{MigrationPolicy, Retype};

use super::placement::{self, Need};
use super::send::{self, Writing};
use super::settings::VolumeSettings;
use super::{image_cache, waiting};
use crate::error::Error;
use crate::workflow::Order;
use hatchery_model::compute::Host;
use hatchery_model::id::VolumeTypeId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    BackendName, Volume, VolumeMove, VolumeState, VolumeType, VolumeWork,
};
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// Why a volume cannot move just now, whatever the target.
async fn kept_by(uow: &mut dyn UnitOfWork, volume: &Volume) -> Result<Option<String>, Error> {
    if volume.source.is_none() || volume.backend.is_none() {
        return Ok(Some("No backend has made the volume yet.".to_owned()));
    }
    if volume.state == VolumeState::InUse {
        return Ok(Some(
            "A server uses the volume: detach it first, then bring it to another backend."
                .to_owned(),
        ));
    }
    if !waiting::snapshots_of(uow, volume.id).await?.is_empty() {
        return Ok(Some("Volume must not have snapshots.".to_owned()));
    }
    if waiting::is_source(uow, volume.id).await? {
        return Ok(Some(
            "Another volume is just being made of it: try again when that is there.".to_owned(),
        ));
    }
    if image_cache::has(uow, volume.id).await? {
        return Ok(Some(
            "It holds an image for its backend's image-volume cache: delete it instead.".to_owned(),
        ));
    }
    Ok(None)
}

/// Whether the agent of a host can read what a backend keeps; or why not.
fn reads(hosts: &[Host], on: &Host, from: &BackendName) -> Result<(), String> {
    let serves = |report: &hatchery_model::volume::BackendReport| {
        report.backend == from.backend && report.pool == from.pool
    };
    if !on.backends.iter().any(serves) {
        return Err(format!(
            "the agent of host {} does not serve the backend {} and cannot read the volume there: add it to enabled_backends of that host",
            on.name, from.backend
        ));
    }
    if !placement::reaches(hosts, from, &on.name) {
        return Err(format!("host {} cannot reach what {from} keeps", on.name));
    }
    Ok(())
}

/// The backend that a volume of this type is to be brought to: any other one, or the one that is named. `Err`: why each one was refused.
fn target(
    hosts: &[Host],
    volume: &Volume,
    of: (&VolumeType, &BTreeMap<String, String>),
    only: Option<&BackendName>,
    (settings, now): (&VolumeSettings, hatchery_model::timestamp::Timestamp),
) -> Result<BackendName, Vec<String>> {
    let Some(from) = &volume.backend else { return Err(Vec::new()) };
    let (volume_type, disabled) = of;
    let (mut refused, mut able) = (Vec::new(), hosts.to_vec());
    for host in &mut able {
        let read = hosts
            .iter()
            .find(|one| one.name == host.name)
            .map_or(Ok(()), |one| reads(hosts, one, from));
        let names: Vec<BackendName> =
            host.backends.iter().map(|report| placement::name_of(host, report)).collect();
        let mut names = names.into_iter();
        host.backends.retain(|_| {
            let Some(name) = names.next() else { return false };
            if name == *from || only.is_some_and(|only| *only != name) {
                return false;
            }
            match &read {
                Ok(()) => true,
                Err(why) => {
                    refused.push(format!("{name}: {why}."));
                    false
                }
            }
        });
    }
    let cached = image_cache::Cached::default();
    let need = Need {
        size: Bytes::from_gib(volume.size_gib),
        volume_type,
        image: None,
        cached: &cached,
        used_from: None,
        disabled,
    };
    placement::choose(&able, &need, settings, now).map(|placed| placed.backend).map_err(|more| {
        refused.extend(more);
        refused
    })
}

/// Has a volume copied to another backend.
async fn begin(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &mut Volume,
    to: BackendName,
    (new_type, locked): (Option<VolumeTypeId>, bool),
) -> Result<Option<Order>, Error> {
    let from = volume.backend.clone().map(|from| from.backend).unwrap_or_default();
    let size = Bytes::from_gib(volume.size_gib);
    let work = VolumeWork::CopyFrom(volume.id, size, from);
    let order = send::ordered(volume.generation.next(), work, writing.now);
    tracing::info!(volume.id = %volume.id, %to, "a volume is brought to another backend");
    let moving = VolumeMove { to, left: None, new_type, locked, order };
    volume.state = VolumeState::Moving(Box::new(moving));
    send::keep(uow, volume, writing.now).await?;
    waiting::send_volume(uow, writing, volume).await
}
