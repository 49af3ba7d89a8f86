//! A disk as it is at one moment, to be read as a whole: a snapshot, which goes afterwards. All of this blocks.

use super::backend::Work;
use super::error::Failed;
use crate::rbd::CephClient;
use crate::volume::{drop_snapshot, read_image};
use hatchery_ports::disk_backend::DiskError;
use hatchery_ports::volume_backend::VolumeBytes;

/// The snapshot's name.
const SNAPSHOT: &str = "hatchery-image";

/// Has the snapshot of what the disk holds now; an earlier one goes.
pub(super) fn begin(work: &Work<'_>, name: &str) -> Result<(), Failed> {
    drop_it(work, name)?;
    let image = work.pool.open(name)?;
    Ok(image.snapshot(SNAPSHOT)?)
}

/// Opens the snapshot.
pub(super) fn open(
    work: &Work<'_>,
    client: CephClient,
    name: &str,
) -> Result<Box<dyn VolumeBytes>, Failed> {
    match work.pool.open_to_read(name, Some(SNAPSHOT)) {
        Err(error) if error.is_not_found() => Err(Failed(DiskError::NotFound(format!(
            "{}/{name} has no snapshot to be read: was its server deleted?",
            work.pool.name()
        )))),
        opened => Ok(read_image(client, opened?)?),
    }
}

/// Removes the snapshot.
pub(super) fn drop_it(work: &Work<'_>, name: &str) -> Result<(), Failed> {
    let Some(image) = work.pool.find(name)? else { return Ok(()) };
    if !image.snapshots()?.iter().any(|one| one.name == SNAPSHOT) {
        return Ok(());
    }
    drop(image);
    Ok(drop_snapshot(&work.pool.open(name)?, SNAPSHOT)?)
}
