//! Makes a backup: reads a volume where it has data, and writes what the image does not hold already.

use super::super::folder::parent_is_gone;
use super::base::{self, Base};
use super::record::{self, Record};
use super::seal::BLOCK;
use super::store::RbdBackupStore;
use crate::rbd::RbdPool;
use hatchery_model::volume::NewBackup;
use hatchery_ports::backup_store::{BackupError, KeptBackup};
use hatchery_ports::volume_backend::VolumeBytes;

enum Begun {
    There(KeptBackup),
    New(Box<Base>),
}

/// See `BackupStore::keep`.
pub(super) async fn keep(
    store: &RbdBackupStore,
    new: &NewBackup,
    from: Box<dyn VolumeBytes>,
) -> Result<KeptBackup, BackupError> {
    let (size, asked) = (from.size().0, new.clone());
    let base = match store.run(move |pool| begin(pool, &asked, size)).await? {
        Begun::There(kept) => return Ok(kept),
        Begun::New(base) => base,
    };
    let kept = fill(store, new, base, from).await;
    if kept.is_err() && new.parent.is_none() {
        let name = record::image(new.volume, new.backup);
        if let Err(error) = store.run(move |pool| base::remove(pool, &name)).await {
            tracing::warn!(backup.id = %new.backup, %error, "what a failed backup has made is left for its removal");
        }
    }
    kept
}

fn begin(pool: &RbdPool, new: &NewBackup, size: u64) -> Result<Begun, BackupError> {
    if let Some(record) = record::whole(pool, new.backup)? {
        return Ok(Begun::There(record.kept()));
    }
    let base = match new.parent {
        None => Base::create(pool, new, size)?,
        Some(parent) => {
            let record = record::whole(pool, parent)?.ok_or_else(|| parent_is_gone(parent))?;
            if record.volume != new.volume {
                return Err(BackupError::Conflict(format!(
                    "backup {parent} is of another volume: make a full backup"
                )));
            }
            Base::open(pool, &record, size)?
        }
    };
    Ok(Begun::New(Box::new(base)))
}

async fn fill(
    store: &RbdBackupStore,
    new: &NewBackup,
    mut base: Box<Base>,
    mut from: Box<dyn VolumeBytes>,
) -> Result<KeptBackup, BackupError> {
    let size = from.size().0;
    let mut at = 0;
    while at < size {
        // Whole blocks: what is read twice where runs share a block is read once.
        let (start, end) = match from.next_data(at).await? {
            Some((offset, length)) => {
                let end = offset.saturating_add(length).div_ceil(BLOCK).saturating_mul(BLOCK);
                ((offset / BLOCK * BLOCK).max(at), end.min(size))
            }
            None => (size, size),
        };
        if start > at {
            base = store.run(move |_| base.clear(at, start - at).map(|()| base)).await?;
        }
        let mut next = start;
        while next < end {
            let bytes = from.read(next, store.chunk().min(end - next)).await?;
            let read = bytes.len() as u64;
            base = store.run(move |_| base.take(next, &bytes).map(|()| base)).await?;
            next += read;
        }
        at = end;
    }
    from.close().await?;
    let new = new.clone();
    store
        .run(move |pool| {
            let image = base.name.clone();
            let (stored, seal) = base.finish(new.backup)?;
            let ids = (new.backup, new.volume, new.parent);
            let record = Record::new(ids, image, (size, stored), seal);
            record.write(pool)?;
            Ok::<_, BackupError>(record.kept())
        })
        .await
}
