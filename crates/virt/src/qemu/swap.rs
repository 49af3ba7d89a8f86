//! One volume in another's place while the guest runs: everything is copied to the new one, each write goes to both from then on, and at last to the
//! new one alone.
//!
//! Which volume the guest's device has, and how far the job is, are asked of QEMU in every step: it goes on while nobody watches.
//!
//! QEMU copies between disks of one size alone. Over a new volume that is larger than the old one lies a layer, which shows as much of it as the old one
//! has. The guest goes over to that layer, then to the volume itself, and is told of its size. The old volume is closed last.

use super::block_job::{Job, complete, forget, look, settled};
use super::command_line::node_of_volume;
use super::hotplug::{
    clear, close, device_with, filter_of, narrow_of, open, set_size, size_of, unavailable,
};
use super::qmp::{Client, QmpError};
use super::settings::QemuSettings;
use super::throttle::Throttle;
use hatchery_model::compute::DiskAttachment;
use hatchery_model::id::VolumeId;
use hatchery_ports::hypervisor::HypervisorError;
use serde_json::json;

/// See the head of this file.
pub(super) struct Swap {
    volume: VolumeId,
    old: String,
    new: String,
    /// The layer over the new one.
    narrow: String,
    job: String,
}

impl Swap {
    /// With what is to come. `Invalid`: that is no volume.
    pub(super) fn of(old: VolumeId, new: &DiskAttachment) -> Result<Self, HypervisorError> {
        let volume = new.volume.ok_or_else(|| {
            HypervisorError::Invalid(
                "a volume is replaced by a volume alone: give the disk a volume's id".to_owned(),
            )
        })?;
        Ok(Self::between(old, volume))
    }

    pub(super) fn between(old: VolumeId, new: VolumeId) -> Self {
        let (volume, old, new) = (old, node_of_volume(old), node_of_volume(new));
        Self { volume, job: format!("swap-{new}"), narrow: narrow_of(&new), old, new }
    }

    /// Begins, or finds what is there. Says whether the guest has the new volume alone already.
    pub(super) async fn begin(
        &self,
        monitor: &Client,
        new: &DiskAttachment,
        settings: &QemuSettings,
    ) -> Result<bool, HypervisorError> {
        if self.is_done(monitor).await? {
            return Ok(true);
        }
        // Set once the guest has it: it is not begun with what could not be set.
        Throttle::of(&new.qos)?;
        if device_with(monitor, &self.old).await?.is_none() {
            return Err(HypervisorError::NotFound(format!(
                "the guest has no volume {}",
                self.volume
            )));
        }
        if matches!(look(monitor, &self.job).await?, Job::Works | Job::Ready) {
            return Ok(false);
        }
        self.take_back(monitor).await?;
        let begun = self.try_begin(monitor, new, settings).await;
        if begun.is_err()
            && let Err(error) = self.take_back(monitor).await
        {
            tracing::warn!(job = self.job, %error, "what was opened for a volume is still open");
        }
        begun.map(|()| false)
    }

    async fn try_begin(
        &self,
        monitor: &Client,
        new: &DiskAttachment,
        settings: &QemuSettings,
    ) -> Result<(), HypervisorError> {
        open(monitor, &self.new, &new.source, settings).await?;
        let target = self.just_as_large(monitor).await?;
        // A guest that writes faster than is copied cannot keep it from its end: its writes go to both at once.
        let job = json!({
            "job-id": self.job, "device": self.old, "target": target, "sync": "full",
            "copy-mode": "write-blocking", "filter-node-name": filter_of(&self.old), "auto-dismiss": false,
        });
        match monitor.execute_with("blockdev-mirror", &job).await {
            Ok(_) => Ok(()),
            Err(QmpError::Refused { reason, .. }) => Err(not_copied(&reason)),
            Err(error) => Err(unavailable("copy the volume", error)),
        }
    }

    /// The new volume, or a layer over it that is no larger than the old one.
    async fn just_as_large(&self, monitor: &Client) -> Result<&str, HypervisorError> {
        let (old, new) = (size_of(monitor, &self.old).await?, size_of(monitor, &self.new).await?);
        let (Some(size), true) = (old, new > old) else { return Ok(&self.new) };
        let layer = json!({
            "driver": "raw", "node-name": self.narrow, "file": self.new, "size": size.0, "discard": "unmap",
        });
        let added = monitor.execute_with("blockdev-add", &layer).await;
        added.map_err(|error| unavailable("open a part of the volume", error))?;
        Ok(&self.narrow)
    }

    /// Has the device have the whole volume, where it has a part of it, and says so to the guest. What was done before is not known: as long as the old
    /// volume is open, the guest may not have been told.
    async fn widen(&self, monitor: &Client, device: &str) -> Result<(), HypervisorError> {
        // QEMU dies of it where the device has the whole volume already (`bdrv_replace_child_noperm`).
        if device_with(monitor, &self.narrow).await?.is_some() {
            let whole = json!({
                "path": format!("/machine/peripheral/{device}"), "property": "drive", "value": self.new,
            });
            let set = monitor.execute_with("qom-set", &whole).await;
            set.map_err(|error| unavailable("go over to the whole volume", error))?;
        }
        if size_of(monitor, &self.narrow).await?.is_some() {
            // Before the size is said: nobody may do that to a node that lies below another.
            close(monitor, &self.narrow).await?;
        }
        let (old, new) = (size_of(monitor, &self.old).await?, size_of(monitor, &self.new).await?);
        match (old, new) {
            (Some(old), Some(new)) if new > old => set_size(monitor, &self.new, new).await,
            _ => Ok(()),
        }
    }

    /// Returns when the new volume holds what the old one does, and each write goes to both.
    pub(super) async fn ready(&self, monitor: &Client) -> Result<(), HypervisorError> {
        match settled(monitor, &self.job, None).await? {
            Job::Ready => Ok(()),
            Job::Over(Err(why)) => Err(not_copied(&why)),
            Job::Over(Ok(())) | Job::Works | Job::None => Err(not_copied("the job is gone")),
        }
    }

    /// Has the guest go over to the new volume alone, and closes the old one. `Failed`: it has the old one alone.
    pub(super) async fn pivot(&self, monitor: &Client) -> Result<(), HypervisorError> {
        let over = complete(monitor, &self.job).await?;
        if device_with(monitor, &self.new).await?.is_some() {
            return self.is_done(monitor).await.map(drop);
        }
        let why = match over {
            Job::Over(Err(why)) => why,
            Job::Over(Ok(())) | Job::None | Job::Works | Job::Ready => "the job is gone".to_owned(),
        };
        self.take_back(monitor).await?;
        Err(not_copied(&why))
    }

    /// Whether the guest has the new volume alone; what is left of the old one is closed then.
    async fn is_done(&self, monitor: &Client) -> Result<bool, HypervisorError> {
        let Some(device) = device_with(monitor, &self.new).await? else { return Ok(false) };
        forget(monitor, &self.job).await?;
        self.widen(monitor, &device).await?;
        if device_with(monitor, &self.old).await?.is_none() {
            clear(monitor, &self.old).await?;
        }
        Ok(true)
    }

    /// Closes the new volume again; the guest has the old one as before.
    pub(super) async fn take_back(&self, monitor: &Client) -> Result<(), HypervisorError> {
        forget(monitor, &self.job).await?;
        clear(monitor, &self.new).await
    }
}

fn not_copied(why: &str) -> HypervisorError {
    HypervisorError::Failed(format!(
        "QEMU could not copy the volume ({why}): the guest has the old one as before; see that the new one can be written, and try again"
    ))
}
