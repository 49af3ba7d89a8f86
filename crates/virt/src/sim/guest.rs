//! A guest without a process.

use super::{Step, World, lock, put_marker, read_marker, remove_marker};
use async_trait::async_trait;
use hatchery_model::compute::{DiskAttachment, PowerState};
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::units::Bytes;
use hatchery_ports::hypervisor::{Guest, HypervisorError, Tap};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// What every handle of a guest shares.
pub(super) struct Shared {
    end: watch::Sender<Option<String>>,
    taps: Mutex<Vec<Tap>>,
}

pub(super) struct SimGuest {
    pub(super) folder: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) world: Arc<World>,
}

impl Shared {
    pub(super) fn new(taps: Vec<Tap>) -> Self {
        Self { end: watch::Sender::new(None), taps: Mutex::new(taps) }
    }

    /// Ends it, and with it its taps. `false` when it had ended.
    pub(super) fn end(&self, why: &str) -> bool {
        lock(&self.taps).clear();
        self.end.send_if_modified(|end| {
            let runs = end.is_none();
            if runs {
                *end = Some(why.to_owned());
            }
            runs
        })
    }
}

impl SimGuest {
    /// `NotFound` when it does not have the volume.
    fn require(&self, volume: VolumeId) -> Result<(), HypervisorError> {
        match read_marker(&self.folder)? {
            Some((_, volumes)) if volumes.contains(&volume) => Ok(()),
            Some(_) | None => {
                Err(HypervisorError::NotFound(format!("the guest has no volume {volume}")))
            }
        }
    }

    /// Changes the guest's volumes. `false` when it has ended.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut BTreeSet<VolumeId>) -> T,
    ) -> Result<bool, HypervisorError> {
        // One change at a time.
        let _guests = lock(&self.world.guests);
        let Some((server, mut volumes)) = read_marker(&self.folder)? else {
            return Ok(false);
        };
        change(&mut volumes);
        put_marker(&self.folder, &server, &volumes)?;
        Ok(true)
    }
}

#[async_trait]
impl Guest for SimGuest {
    async fn power_state(&self) -> Result<PowerState, HypervisorError> {
        self.world.pass(Step::PowerState)?;
        Ok(match *self.shared.end.borrow() {
            None => PowerState::Running,
            Some(_) => PowerState::Off,
        })
    }

    async fn ended(&self) -> String {
        let mut end = self.shared.end.subscribe();
        let why = end.wait_for(Option::is_some).await;
        // The sender is this guest's own, so the wait cannot fail.
        why.ok().and_then(|why| why.clone()).unwrap_or_default()
    }

    async fn stop(&self, _: Duration) -> Result<(), HypervisorError> {
        if self.shared.end.borrow().is_some() {
            return Ok(());
        }
        self.world.pass(Step::Stop)?;
        remove_marker(&self.folder)?;
        lock(&self.world.guests).remove(&self.folder);
        self.shared.end("it was stopped");
        Ok(())
    }

    async fn attach(&self, disk: &DiskAttachment) -> Result<(), HypervisorError> {
        self.world.pass(Step::Attach)?;
        let Some(volume) = disk.volume else {
            return Err(HypervisorError::Invalid("a running guest takes volumes alone".to_owned()));
        };
        if let Some(path) = disk.source.path()
            && let Err(source) = std::fs::metadata(path)
        {
            let doing = format!("open the disk {}", path.display());
            return Err(HypervisorError::Unavailable { doing, source });
        }
        self.change(|volumes| volumes.insert(volume))?
            .then_some(())
            .ok_or_else(|| HypervisorError::NotFound(self.folder.display().to_string()))
    }

    async fn detach(&self, volume: VolumeId) -> Result<(), HypervisorError> {
        self.world.pass(Step::Detach)?;
        self.change(|volumes| volumes.remove(&volume)).map(drop)
    }

    async fn resize(&self, volume: VolumeId, _: Bytes) -> Result<(), HypervisorError> {
        self.world.pass(Step::Resize)?;
        self.require(volume)
    }

    async fn limit(
        &self,
        volume: VolumeId,
        _: &BTreeMap<String, String>,
    ) -> Result<(), HypervisorError> {
        self.world.pass(Step::Limit)?;
        self.require(volume)
    }

    async fn copy(&self, volume: Option<VolumeId>, _: &BlockSource) -> Result<(), HypervisorError> {
        self.world.pass(Step::Copy)?;
        match read_marker(&self.folder)? {
            Some((_, volumes)) if volume.is_none_or(|one| volumes.contains(&one)) => Ok(()),
            Some(_) | None => Err(HypervisorError::NotFound("the guest has no such disk".into())),
        }
    }

    async fn mirror(&self, old: VolumeId, new: &DiskAttachment) -> Result<(), HypervisorError> {
        self.world.pass(Step::Mirror)?;
        let there = read_marker(&self.folder)?.map(|(_, volumes)| volumes).unwrap_or_default();
        match new.volume {
            Some(new) if there.contains(&new) || there.contains(&old) => Ok(()),
            Some(_) => Err(HypervisorError::NotFound(format!("the guest has no volume {old}"))),
            None => Err(HypervisorError::Invalid("a running guest takes volumes alone".to_owned())),
        }
    }

    async fn pivot(&self, old: VolumeId, new: VolumeId) -> Result<(), HypervisorError> {
        self.world.pass(Step::Pivot)?;
        let swapped = self.change(|volumes| {
            volumes.remove(&old);
            volumes.insert(new);
        });
        swapped.map(drop)
    }

    fn process_id(&self) -> Option<u32> {
        None
    }
}
