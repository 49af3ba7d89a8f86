//! Makes an image of a server that boots from a volume: snapshots of its volumes, and an image without bytes whose properties name them.

use super::power::legality;
use super::{find_server, image_mapping, labels};
use crate::error::Error;
use crate::image::without_bytes;
use crate::policy;
use crate::volume::send::Writing;
use crate::volume::{SnapshotRequest, VolumeSettings, take_snapshot, upload_to_image};
use crate::workflow::Outgoing;
use crate::workflow::power::{By, note_action};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, Host, Server, ServerState};
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::volume::{Attachment, AttachmentState, BackendName, Volume};
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
    /// An image of this name, with these properties beside its own. All in one transaction: there is the image with every snapshot ordered, or
    /// nothing. Needs `member` on the server's project.
    ///
    /// `NotFound`, `Denied`; `Conflict`, in Nova's words, unless the server is active or stopped and nothing is done to it, and where a running guest
    /// has a volume open of which its backend can make no snapshot; `Unsupported` for a server that does not boot from a volume; `Exhausted` (quota).
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
        let volumes = volumes_of(&mut *uow, &server).await?;
        let hosts = uow.hosts().list().await?;
        let (mut disks, mut orders, mut properties) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (attachment, volume) in volumes {
            can_be_taken(&hosts, &server, &volume)?;
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
        let by = By::caller(caller, ActionKind::CreateImage);
        note_action(&mut *uow, &server, &by, now).await?;
        uow.commit().await?;
        self.outgoing.hand_over(orders);
        Ok(image.id)
    }
}

/// Its volumes, that from which it boots first. `Unsupported`: it does not boot from one.
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
    if server.image.is_some() || !boots {
        return Err(Error::Unsupported(format!(
            "An image can be made of instances that boot from a volume; the disk of instance {} is its host's.",
            server.id
        )));
    }
    Ok(found)
}

/// Files are put aside by whoever has them open, and nobody tells a running guest's hypervisor to do that yet.
fn can_be_taken(hosts: &[Host], server: &Server, volume: &Volume) -> Result<(), Error> {
    let is_file = |backend: &BackendName| {
        let mut reports = hosts.iter().flat_map(|host| &host.backends);
        reports.any(|report| report.backend == backend.backend && report.protocol != "ceph")
    };
    if server.state == ServerState::Active && volume.backend.as_ref().is_some_and(is_file) {
        return Err(Error::Conflict(format!(
            "Cannot 'createImage' instance {} while it runs: volume {} is a file that its guest has open. Stop the instance first.",
            server.id, volume.id
        )));
    }
    Ok(())
}
