//! One volume in another's place while the guest runs: everything is copied to the new one, each write goes to both from then on, and at last to the
//! new one alone.
//!
//! Which volume the guest's device has, and how far the job is, are asked of QEMU in every step: it goes on while nobody watches.

use super::block_job::{Job, complete, forget, look, settled};
use super::command_line::node_of_volume;
use super::hotplug::{clear, device_with, filter_of, open, unavailable};
use super::qmp::{Client, QmpError};
use super::settings::QemuSettings;
use hatchery_model::compute::DiskAttachment;
use hatchery_model::id::VolumeId;
use hatchery_ports::hypervisor::HypervisorError;
use serde_json::json;

/// See the head of this file.
pub(super) struct Swap {
    volume: VolumeId,
    old: String,
    new: String,
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
        Self { volume, job: format!("swap-{new}"), old, new }
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
        // A guest that writes faster than is copied cannot keep it from its end: its writes go to both at once.
        let job = json!({
            "job-id": self.job, "device": self.old, "target": self.new, "sync": "full",
            "copy-mode": "write-blocking", "filter-node-name": filter_of(&self.old), "auto-dismiss": false,
        });
        match monitor.execute_with("blockdev-mirror", &job).await {
            Ok(_) => Ok(()),
            Err(QmpError::Refused { reason, .. }) => Err(not_copied(&reason)),
            Err(error) => Err(unavailable("copy the volume", error)),
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
        if device_with(monitor, &self.new).await?.is_none() {
            return Ok(false);
        }
        forget(monitor, &self.job).await?;
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
