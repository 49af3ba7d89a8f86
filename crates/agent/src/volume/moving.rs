//! Orders to bring a volume from one of this agent's backends to another. What is being copied is nobody's until the control plane says so, and
//! what it is copied from stays as it is: an order that was cut off is done again from its beginning.

use super::Volumes;
use super::work::{failed, refused};
use crate::folder;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{NewVolume, VolumeContent, VolumeOutcome};
use hatchery_ports::volume_backend::{Opened, VolumeBackend, VolumeBytes, VolumeError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// So much is read at once.
const PIECE: u64 = 4 << 20;
/// A zero in the middle of data is left out in blocks of this size.
const BLOCK: usize = 64 << 10;
/// So often the removal of a copy that was cut off is tried: whoever has died while writing it holds it for a while, and the backend waits for
/// that each time.
const ATTEMPTS: u32 = 3;

/// Has the volume in `to` with what it holds in the backend named `from`.
pub(super) async fn copy(
    volumes: &Volumes,
    to: &dyn VolumeBackend,
    volume: VolumeId,
    size: Bytes,
    from: &str,
) -> VolumeOutcome {
    let Some(source) = volumes.backends.get(from) else {
        return refused(format!(
            "The agent does not serve the backend {from}, where the volume is: add it to enabled_backends there, or choose another target."
        ));
    };
    match check_apart(source.as_ref(), to, volume).await {
        Ok(()) => {}
        Err(error) => return failed(&error),
    }
    match fill(source.as_ref(), to, volume, size).await {
        Ok((source, bytes_copied)) => {
            VolumeOutcome::Done { source: Some(source), rung: None, bytes_copied }
        }
        Err(error) => {
            let Err(left) = remove(to, volume).await else { return failed(&error) };
            tracing::warn!(volume.id = %volume, %left, "what a failed copy of a volume has made could not be removed: the next try does that, or the volume's removal");
            match failed(&error) {
                VolumeOutcome::Failed { message, details, .. } => {
                    VolumeOutcome::Failed { message, details, leaves: true }
                }
                outcome => outcome,
            }
        }
    }
}

/// Refuses two backends that keep the volume in the same place: what is removed from one would be gone from the other.
async fn check_apart(
    from: &dyn VolumeBackend,
    to: &dyn VolumeBackend,
    volume: VolumeId,
) -> Result<(), VolumeError> {
    let Some(there) = from.find(volume).await? else {
        return Err(VolumeError::NotFound(format!(
            "the backend that the volume is to be read from has no volume {volume}: was it deleted?"
        )));
    };
    let same = match (there, to.find(volume).await?) {
        (_, None) => false,
        (BlockSource::File { path: one, .. }, Some(BlockSource::File { path: other, .. })) => {
            is_one_file(one, other).await
        }
        (BlockSource::Rbd(one), Some(BlockSource::Rbd(other))) => {
            let clusters = (from.report().await.target.cluster, to.report().await.target.cluster);
            one.pool == other.pool
                && one.image == other.image
                && (clusters.0.is_none() || clusters.0 == clusters.1)
        }
        (BlockSource::File { .. } | BlockSource::Rbd(_), Some(_)) => false,
    };
    if same {
        return Err(VolumeError::Invalid(format!(
            "both backends keep volume {volume} in the same place: give them folders or pools of their own"
        )));
    }
    Ok(())
}

async fn is_one_file(one: PathBuf, other: PathBuf) -> bool {
    let id = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    let same = folder::off_thread(move || Ok(id(&one)? == id(&other)?)).await;
    // What cannot be looked at is taken for the same: nothing is removed then.
    same.unwrap_or(true)
}

async fn remove(backend: &dyn VolumeBackend, volume: VolumeId) -> Result<(), VolumeError> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match backend.remove(volume).await {
            Err(VolumeError::Conflict(_)) if left > 0 => {}
            done => return done,
        }
    }
}

async fn fill(
    from: &dyn VolumeBackend,
    to: &dyn VolumeBackend,
    volume: VolumeId,
    size: Bytes,
) -> Result<(BlockSource, Bytes), VolumeError> {
    // Of a copy that was cut off, or of an earlier way there: it may be of another size.
    remove(to, volume).await?;
    let reading = from.open(Opened::Volume(volume)).await?;
    let size = reading.size().max(size);
    let new = NewVolume { volume, size, content: VolumeContent::Empty, holds_image: false };
    to.create(&new).await?;
    let writing = to.open(Opened::Anew(volume)).await?;
    let copied = transfer(reading, writing).await?;
    let made = to.open(Opened::Volume(volume)).await?;
    let has = made.size();
    made.close().await?;
    if has < size {
        return Err(VolumeError::Conflict(format!(
            "the copy of volume {volume} has {has} and not {size}: try again"
        )));
    }
    let source = to.find(volume).await?.ok_or_else(|| {
        VolumeError::Conflict(format!("the copy of volume {volume} is gone: try again"))
    })?;
    Ok((source, copied))
}

/// Copies all that is data. Gives how much was written.
async fn transfer(
    mut reading: Box<dyn VolumeBytes>,
    mut writing: Box<dyn VolumeBytes>,
) -> Result<Bytes, VolumeError> {
    let (mut at, mut copied) = (0, 0);
    while let Some((offset, length)) = reading.next_data(at).await? {
        let end = offset + length;
        at = offset;
        while at < end {
            let piece = reading.read(at, (end - at).min(PIECE)).await?;
            for run in runs(&piece) {
                copied += run.len() as u64;
                writing.write(at + run.start as u64, piece.slice(run)).await?;
            }
            at += piece.len() as u64;
        }
    }
    reading.close().await?;
    writing.close().await?;
    Ok(Bytes(copied))
}

/// The runs of blocks that are not zeros.
fn runs(piece: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    for (number, block) in piece.chunks(BLOCK).enumerate() {
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        let start = number * BLOCK;
        let end = start + block.len();
        match found.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => found.push(start..end),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, runs};

    #[test]
    fn holes_stay_holes() {
        let mut piece = vec![0; 4 * BLOCK + 1];
        assert!(runs(&piece).is_empty());
        (piece[BLOCK], piece[2 * BLOCK], piece[4 * BLOCK]) = (1, 1, 1);
        assert_eq!(runs(&piece), [BLOCK..3 * BLOCK, 4 * BLOCK..4 * BLOCK + 1]);
    }
}
