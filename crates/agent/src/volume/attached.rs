//! Volumes that guests have: where their bytes are now, and how one grows under a guest that runs.

use super::{Needs, Turn, Volumes};
use crate::agent::Host;
use crate::registry::Registry;
use futures_util::future::join_all;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::GuestVolume;
use hatchery_ports::hypervisor::HypervisorError;
use hatchery_ports::volume_backend::{VolumeBackend, VolumeError};
use std::io;
use std::time::Duration;

/// So long a backend may take to find a volume.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a guest's turn with its volumes, and finds each. While the turn is kept, their bytes stay where they are.
pub(crate) async fn locate(
    host: &Host,
    volumes: Vec<GuestVolume>,
) -> Result<(Turn, Vec<(GuestVolume, BlockSource)>), VolumeError> {
    let ticket = host.volumes.turns.queue(Needs::alone(volumes.iter().map(|volume| volume.volume)));
    let turn = ticket.turn().await;
    let mut located = Vec::with_capacity(volumes.len());
    for volume in volumes {
        let source = find(host, &volume).await?;
        located.push((volume, source));
    }
    Ok((turn, located))
}

/// Where a volume's bytes are now. A file may be another one than when the volume was attached, so that its backend is asked; an image in Ceph
/// keeps its name, and may be of a backend that this agent does not serve.
pub(crate) async fn find(host: &Host, volume: &GuestVolume) -> Result<BlockSource, VolumeError> {
    let Volumes { backends, .. } = &host.volumes;
    let asked = backends
        .values()
        .map(|backend| tokio::time::timeout(PATIENCE, backend.find(volume.volume)));
    let (mut failed, mut found) = (None, Vec::new());
    for answer in join_all(asked).await {
        match answer {
            Ok(Ok(Some(source))) => found.push(source),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => failed = Some(error),
            Err(_) => {
                failed = Some(VolumeError::Unavailable {
                    doing: "find the volume".into(),
                    source: io::ErrorKind::TimedOut.into(),
                });
            }
        }
    }
    // Another backend may still hold what could not be removed when the volume was brought to this one.
    if let Some(place) = found.iter().position(|source| is_near(source, &volume.source)) {
        return Ok(found.swap_remove(place));
    }
    if let Some(source) = found.into_iter().next() {
        return Ok(source);
    }
    match (&volume.source, failed) {
        (BlockSource::Rbd(_), _) => Ok(volume.source.clone()),
        (BlockSource::File { .. }, Some(error)) => Err(error),
        (BlockSource::File { .. }, None) => Err(VolumeError::NotFound(format!(
            "no backend that host {} serves has volume {}",
            host.settings.host, volume.volume
        ))),
    }
}

/// Whether a backend keeps both: in one folder, or in one pool.
fn is_near(one: &BlockSource, other: &BlockSource) -> bool {
    match (one, other) {
        (BlockSource::File { path: one, .. }, BlockSource::File { path: other, .. }) => {
            one.parent() == other.parent()
        }
        (BlockSource::Rbd(one), BlockSource::Rbd(other)) => {
            one.pool == other.pool && one.ceph_conf == other.ceph_conf
        }
        (BlockSource::File { .. }, BlockSource::Rbd(_))
        | (BlockSource::Rbd(_), BlockSource::File { .. }) => false,
    }
}

/// Has a volume this large, also while guests have it. A backend that must not touch what a guest has open is asked again once the
/// guest's hypervisor has made it larger.
pub(super) async fn extend(
    guests: &Registry,
    backend: &dyn VolumeBackend,
    volume: VolumeId,
    size: Bytes,
) -> Result<(), VolumeError> {
    let running = guests.running_with(volume).await;
    let extended = backend.extend(volume, size).await;
    let in_use = match extended {
        Ok(()) => false,
        Err(VolumeError::Conflict(_)) if !running.is_empty() => true,
        Err(error) => return Err(error),
    };
    for guest in running {
        match guest.resize(volume, size).await {
            Ok(()) | Err(HypervisorError::NotFound(_)) => {}
            Err(error) if in_use => {
                return Err(VolumeError::Conflict(format!(
                    "the guest that has volume {volume} could not make it larger ({error}): detach it, and try again"
                )));
            }
            Err(error) => {
                tracing::warn!(volume.id = %volume, %error, "a guest sees a volume's new size at its next start");
            }
        }
    }
    if in_use { backend.extend(volume, size).await } else { Ok(()) }
}
