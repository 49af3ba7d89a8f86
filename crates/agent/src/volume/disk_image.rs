//! Orders to make an image of a server's own disk: its bytes into the image store, under the name that the order has.
//!
//! What a running guest's disk holds is put aside first, by its hypervisor or by a snapshot; of one that does not run the disk itself is read.

use super::snapshot::{has_ended, of_guest};
use super::upload;
use super::work::refused;
use crate::agent::Host;
use hatchery_model::compute::ImagingStep;
use hatchery_model::generation::Generation;
use hatchery_model::id::{DiskId, RequestId, ServerId};
use hatchery_model::image::ImageContent;
use hatchery_model::message::Event;
use hatchery_model::volume::{ImageOfVolume, VolumeOutcome};
use hatchery_ports::disk_backend::DiskError;
use hatchery_ports::image_maker::{ImageMaker, ImageMakerError};
use hatchery_ports::volume_backend::VolumeError;

/// A guest may stop while it is copied; then its disk is read.
const TRIES: u32 = 3;

/// One order.
struct Order<'a> {
    host: &'a Host,
    server: ServerId,
    generation: Generation,
    request: &'a RequestId,
}

/// Leaves what the disk holds in the image store.
pub(super) async fn make(
    host: &Host,
    (generation, request): (Generation, &RequestId),
    server: ServerId,
    wanted: &ImageOfVolume,
) -> VolumeOutcome {
    let Some(maker) = host.parts.images.as_deref() else {
        return upload::no_store(&host.settings.host.0);
    };
    let spec = host.registry.spec(server);
    let Some(disk) = spec.and_then(|spec| spec.root.as_ref().map(|root| root.disk.clone())) else {
        return refused(format!(
            "Host {} has no disk of instance {server}: was it deleted?",
            host.settings.host
        ));
    };
    let order = Order { host, server, generation, request };
    let made = order.make(maker, &disk, wanted).await;
    // Also after a failure, which is the news then; what is left goes with the next one, or with the disk.
    if let Err(error) = host.parts.disks.drop_copy(&disk).await {
        tracing::warn!(guest.id = %server, %error, "a copy of a disk is left");
    }
    match made {
        Ok(content) => VolumeOutcome::Uploaded {
            image: wanted.image,
            upload: wanted.upload.clone(),
            content: Box::new(content),
            image_volume: None,
        },
        Err(error) => upload::not_made(&error),
    }
}

impl Order<'_> {
    async fn make(
        &self,
        maker: &dyn ImageMaker,
        disk: &DiskId,
        wanted: &ImageOfVolume,
    ) -> Result<ImageContent, ImageMakerError> {
        self.say(ImagingStep::Snapshot);
        let is_apart = self.put_aside(disk).await?;
        self.say(ImagingStep::PendingUpload);
        let before = self.host.registry.ordered(self.server);
        let bytes = {
            let _no_release = self.host.base_lock.read().await;
            self.host.parts.disks.open_copy(disk).await.map_err(of_disk)?
        };
        self.say(ImagingStep::Uploading);
        let made = maker.make(bytes, wanted).await?;
        if !is_apart && before != self.host.registry.ordered(self.server) {
            return Err(VolumeError::Conflict(format!(
                "instance {} was started while its disk was read: try again",
                self.server
            ))
            .into());
        }
        Ok(made)
    }

    /// Says whether what is read is apart from what a guest writes to.
    async fn put_aside(&self, disk: &DiskId) -> Result<bool, VolumeError> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let running = self.host.registry.running(self.server);
            let disks = &self.host.parts.disks;
            let into = disks.begin_copy(disk, running.is_some()).await.map_err(of_disk)?;
            let runs = running.is_some();
            let (Some(into), Some(guest)) = (into, running) else { return Ok(runs) };
            let Err(error) = guest.copy(None, &into).await else { return Ok(true) };
            if tries == 0 || !has_ended(&self.host.registry, &guest).await {
                return Err(of_guest(error));
            }
        }
    }

    /// Tells how far it is. Nobody waits for that.
    fn say(&self, step: ImagingStep) {
        let event = Event::DiskImaging {
            host: self.host.settings.host.clone(),
            server: self.server,
            generation: self.generation,
            step,
        };
        self.host.publisher.send_in_background(self.request.clone(), event);
    }
}

fn of_disk(error: DiskError) -> VolumeError {
    match error {
        DiskError::NotFound(text) => VolumeError::NotFound(text),
        DiskError::Conflict(text) => VolumeError::Conflict(text),
        DiskError::Exhausted(text) => VolumeError::Exhausted(text),
        DiskError::Unsupported(text) => VolumeError::Unsupported(text),
        DiskError::Unavailable { doing, source } => VolumeError::Unavailable { doing, source },
    }
}
