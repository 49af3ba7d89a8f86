//! Makes an image of a server: of its own disk, or, where it boots from a volume, snapshots of its volumes and an image without bytes whose properties
//! name them.

use super::power::legality;
use super::{find_server, image_mapping, imaging, labels};
use crate::error::Error;
use crate::image::without_bytes;
use crate::policy;
use crate::volume::send::Writing;
use crate::volume::{SnapshotRequest, VolumeSettings, take_snapshot, upload_to_image};
use crate::workflow::Outgoing;
use crate::workflow::power::{By, note_action};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, Server};
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::volume::{Attachment, AttachmentState, Volume};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::collections::BTreeMap;
use std::sync::Arc;

const ACTION: &str = "os_compute_api:servers:create_image";

/// `createImage`
pub struct CreateImage {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// To the outbox relay.
    pub outgoing: Outgoing,
    /// What the operator has set of volumes.
    pub volume_settings: Arc<VolumeSettings>,
}

impl CreateImage {
    /// An image of this name, with these properties beside its own. All in one transaction: there is the image with all that it takes ordered, or
    /// nothing. Needs `member` on the server's project.
    ///
    /// `NotFound`, `Denied`; `Conflict`, in Nova's words, unless the server is active or stopped and nothing is done to it; `Exhausted` (quota).
    pub async fn run(
        &self,
        caller: &Caller,
        id: ServerId,
        name: String,
        metadata: BTreeMap<String, String>,
    ) -> Result<ImageId, Error> {
        let mut uow = self.store.begin().await?;
        let server = find_server::find(&mut *uow, caller, id).await?;
        policy::write(caller, &server.project, ACTION)?;
        let project = policy::writer_project(caller, ACTION)?;
        labels::check_metadata(&metadata)?;
        legality::is_in(&server, "createImage", &["active", "stopped"], &[])?;
        let now = self.clock.now();
        let writing = Writing { entropy: &*self.entropy, now, request: &caller.request };
        let by = By::caller(caller, ActionKind::CreateImage);
        if server.image.is_some() {
            note_action(&mut *uow, &server, &by, now).await?;
            let what = (name, metadata);
            let (image, order) = imaging::begin(&mut *uow, writing, caller, server, what).await?;
            uow.commit().await?;
            self.outgoing.hand_over([order]);
            return Ok(image);
        }
        let volumes = volumes_of(&mut *uow, &server).await?;
        let (mut disks, mut orders, mut properties) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (attachment, volume) in volumes {
            if attachment.guest.boot_index == Some(0) {
                properties = upload_to_image::properties(&volume.image_metadata);
            }
            let request = SnapshotRequest {
                volume: volume.id,
                name: Some(format!("snapshot for {name}")),
                description: volume.description.clone(),
                metadata: BTreeMap::new(),
                while_used: true,
            };
            let (by, what) = ((caller, project), (&volume, request, None));
            let (snapshot, order) =
                take_snapshot(&mut *uow, writing, &self.volume_settings, by, what).await?;
            disks.push((attachment, snapshot));
            orders.push(order);
        }
        properties.insert("base_image_ref".to_owned(), String::new());
        properties.extend(metadata);
        properties.extend(image_mapping::written(&disks));
        let image = without_bytes::insert(&mut *uow, writing, caller, name, properties).await?;
        note_action(&mut *uow, &server, &by, now).await?;
        uow.commit().await?;
        self.outgoing.hand_over(orders);
        Ok(image.id)
    }
}

/// Its volumes, that from which it boots first. `Conflict`: it does not boot from one.
async fn volumes_of(
    uow: &mut dyn UnitOfWork,
    server: &Server,
) -> Result<Vec<(Attachment, Volume)>, Error> {
    let mut found = Vec::new();
    for attachment in uow.attachments().list(None, None, Some(server.id)).await? {
        if attachment.state != AttachmentState::Attached {
            continue;
        }
        let volume = uow.volumes().find(attachment.volume).await?;
        let volume = volume.ok_or_else(|| Error::not_found("Volume", attachment.volume))?;
        found.push((attachment, volume));
    }
    found.sort_by_key(|(attachment, _)| attachment.guest.boot_index.unwrap_or(u32::MAX));
    let boots = found.first().is_some_and(|(first, _)| first.guest.boot_index == Some(0));
    if !boots {
        return Err(Error::Conflict(format!(
            "Instance {} has no disk that an image could be made of.",
            server.id
        )));
    }
    Ok(found)
}
