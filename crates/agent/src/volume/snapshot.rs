//! Snapshots of volumes that guests may have open: where the backend must not touch what a guest writes to, the guest's hypervisor copies it.

use crate::registry::Registry;
use hatchery_model::compute::PowerState;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::{SnapshotId, VolumeId};
use hatchery_ports::hypervisor::{Guest, HypervisorError};
use hatchery_ports::volume_backend::{VolumeBackend, VolumeError};
use std::sync::Arc;
use std::time::Duration;

/// A guest may stop while it is copied; then the backend is asked once more.
const TRIES: u32 = 3;
/// How long it may take until a guest's end is known.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

/// Has a snapshot of what the volume holds. `Some`: the volume's bytes are elsewhere from now on.
pub(super) async fn take(
    guests: &Registry,
    backend: &dyn VolumeBackend,
    volume: VolumeId,
    snapshot: SnapshotId,
) -> Result<Option<BlockSource>, VolumeError> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        let in_use = match backend.snapshot(volume, snapshot).await {
            Err(error @ VolumeError::Conflict(_)) => error,
            done => return done,
        };
        let Some(guest) = guests.running_with(volume).await.into_iter().next() else {
            return Err(in_use);
        };
        let copied = copy(backend, &guest, (volume, snapshot)).await;
        let Err(error) = copied else { return Ok(None) };
        // Nothing half copied stays, whatever comes of it.
        if let Err(left) = backend.remove_snapshot(volume, snapshot).await {
            tracing::warn!(volume.id = %volume, %left, "a part of a copy is left for the next change");
        }
        if tries == 0 || !has_ended(guests, &guest).await {
            return Err(error);
        }
    }
}

async fn copy(
    backend: &dyn VolumeBackend,
    guest: &Arc<dyn Guest>,
    (volume, snapshot): (VolumeId, SnapshotId),
) -> Result<(), VolumeError> {
    let Some(file) = backend.begin_copy(volume, snapshot).await? else { return Ok(()) };
    guest.copy(Some(volume), &file).await.map_err(of_guest)?;
    backend.keep_copy(volume, snapshot).await
}

/// Whether the guest has ended, which everybody knows then.
pub(super) async fn has_ended(guests: &Registry, guest: &Arc<dyn Guest>) -> bool {
    if !matches!(guest.power_state().await, Ok(PowerState::Off)) {
        return false;
    }
    let known = async {
        loop {
            let changed = guests.changed();
            if !guests.is_running(guest) {
                return;
            }
            changed.await;
        }
    };
    tokio::time::timeout(NOTICED_WITHIN, known).await.is_ok()
}

/// What the hypervisor says, as a backend would.
pub(super) fn of_guest(error: HypervisorError) -> VolumeError {
    match error {
        HypervisorError::NotFound(text)
        | HypervisorError::Invalid(text)
        | HypervisorError::Failed(text) => VolumeError::Conflict(text),
        HypervisorError::Unsupported(text) => VolumeError::Unsupported(text),
        HypervisorError::Unavailable { doing, source } => {
            VolumeError::Unavailable { doing, source }
        }
    }
}
