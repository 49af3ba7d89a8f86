//! Leaving nothing of a guest: process, interfaces, disk, files. Every step can be repeated; only the journal's entry stays.

use crate::agent::Host;
use crate::{folder, journal};
use hatchery_model::compute::GuestSpec;
use hatchery_ports::disk_backend::DiskError;
use hatchery_ports::hypervisor::{Guest, HypervisorError};
use hatchery_ports::network_driver::NetworkError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What could not be removed yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum TeardownError {
    #[error("its process could not be ended: {0}")]
    Process(#[from] HypervisorError),
    #[error("an interface could not be unplugged: {0}")]
    Network(#[from] NetworkError),
    #[error("its disk could not be removed: {0}")]
    Disk(#[from] DiskError),
    #[error("its folder could not be emptied: {0}")]
    Folder(#[from] io::Error),
}

/// Removes all but the journal's entry.
pub(super) async fn clear(
    host: &Host,
    spec: &GuestSpec,
    running: Option<Arc<dyn Guest>>,
) -> Result<(), TeardownError> {
    let path = host.journal.folder(spec.server);
    let running = match running {
        Some(guest) => Some(guest),
        None => host.parts.hypervisor.adopt(spec.server, &path).await?,
    };
    if let Some(guest) = running {
        guest.stop(Duration::ZERO).await?;
    }
    for nic in &spec.nics {
        host.parts.network.unplug(nic.network.id, nic.port).await?;
    }
    if let Some(root) = &spec.root {
        host.parts.disks.remove(&root.disk).await?;
    }
    folder::off_thread(move || folder::empty_but(&path, journal::FILE)).await?;
    Ok(())
}
