//! The disks of a server as an image's properties have them (`block_device_mapping`, `bdm_v2`): written when an image is made of a server that
//! boots from a volume, read when a server is made from such an image.

use super::new_disk::{DiskContent, ServerDisk};
use super::new_server::NewServer;
use crate::error::Error;
use hatchery_model::id::{ImageId, SnapshotId, VolumeId};
use hatchery_model::image::Image;
use hatchery_model::volume::{Attachment, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The property with the disks.
const DISKS: &str = "block_device_mapping";
/// The property that says in which spelling.
const SPELLING: &str = "bdm_v2";
const ROOT_DEVICE: &str = "root_device_name";

/// A disk, by Nova's names.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Mapped {
    boot_index: Option<i64>,
    delete_on_termination: Option<bool>,
    destination_type: Option<String>,
    device_name: Option<String>,
    device_type: Option<String>,
    disk_bus: Option<String>,
    guest_format: Option<String>,
    image_id: Option<ImageId>,
    no_device: Option<bool>,
    snapshot_id: Option<SnapshotId>,
    source_type: Option<String>,
    tag: Option<String>,
    volume_id: Option<VolumeId>,
    volume_size: Option<u64>,
    volume_type: Option<String>,
}

/// The properties of an image whose disks are these snapshots of a server's volumes.
pub(super) fn written(disks: &[(Attachment, Snapshot)]) -> BTreeMap<String, String> {
    let mapped: Vec<Mapped> = disks
        .iter()
        .map(|(attachment, snapshot)| Mapped {
            boot_index: attachment.guest.boot_index.map(i64::from),
            delete_on_termination: Some(attachment.guest.delete_on_termination),
            destination_type: Some("volume".into()),
            device_name: attachment.mountpoint.clone(),
            device_type: Some("disk".into()),
            disk_bus: Some("virtio".into()),
            snapshot_id: Some(snapshot.id),
            source_type: Some("snapshot".into()),
            tag: attachment.guest.tag.clone(),
            volume_size: Some(snapshot.size_gib),
            ..Mapped::default()
        })
        .collect();
    let mut properties = BTreeMap::from([(SPELLING.to_owned(), "True".to_owned())]);
    if let Ok(text) = serde_json::to_string(&mapped) {
        properties.insert(DISKS.to_owned(), text);
    }
    let root = disks.iter().find(|(attachment, _)| attachment.guest.boot_index == Some(0));
    if let Some(device) = root.and_then(|(attachment, _)| attachment.mountpoint.clone()) {
        properties.insert(ROOT_DEVICE.to_owned(), device);
    }
    properties
}

/// The disks that the image has for its servers. Empty: it is a disk itself. `Invalid` where they cannot be read, or cannot be had here.
fn read(image: &Image) -> Result<Vec<ServerDisk>, Error> {
    let spelling = image.properties.get(SPELLING).map(|text| text.to_ascii_lowercase());
    let Some(text) = image.properties.get(DISKS).filter(|_| spelling.as_deref() == Some("true"))
    else {
        return Ok(Vec::new());
    };
    let mapped: Vec<Mapped> = serde_json::from_str(text)
        .map_err(|error| wrong(&format!("image {}: {error}", image.id)))?;
    mapped.into_iter().filter(|one| one.no_device != Some(true)).map(Mapped::into_disk).collect()
}

impl Mapped {
    fn into_disk(self) -> Result<ServerDisk, Error> {
        let missing = || wrong("Missing device UUID.");
        let content = match self.source_type.as_deref() {
            Some("snapshot") => DiskContent::Snapshot(self.snapshot_id.ok_or_else(missing)?),
            Some("volume") => DiskContent::Volume(self.volume_id.ok_or_else(missing)?),
            Some("image") => DiskContent::Image(self.image_id.ok_or_else(missing)?),
            Some("blank") => DiskContent::Blank,
            _ => return Err(wrong("a disk of the image has no source")),
        };
        if self.destination_type.as_deref() == Some("local") {
            return Err(wrong("local disks of an image are not available here"));
        }
        Ok(ServerDisk {
            content,
            size_gib: self.volume_size,
            boot_index: self.boot_index.and_then(|index| u32::try_from(index).ok()),
            delete_on_termination: self.delete_on_termination.unwrap_or(false),
            device: self.device_name,
            volume_type: self.volume_type,
            tag: self.tag,
        })
    }
}

fn wrong(details: &str) -> Error {
    Error::Invalid(format!("Block Device Mapping is Invalid: {details}"))
}

/// The snapshot that the image's servers boot from, where that is what the image is.
pub(crate) fn root_snapshot(image: &Image) -> Result<Option<SnapshotId>, Error> {
    Ok(read(image)?.into_iter().find_map(|disk| match disk.content {
        DiskContent::Snapshot(id) if disk.boot_index == Some(0) => Some(id),
        DiskContent::Snapshot(_)
        | DiskContent::Volume(_)
        | DiskContent::Image(_)
        | DiskContent::Blank => None,
    }))
}

/// The request with the disks that its image has instead of the image. One that the user has named for the same device goes before the image's.
/// `None`: the image is a disk itself.
pub(super) fn expand(new: &NewServer, image: Option<&Image>) -> Result<Option<NewServer>, Error> {
    let mut disks = image.map_or_else(|| Ok(Vec::new()), read)?;
    if disks.is_empty() {
        return Ok(None);
    }
    let device = |disk: &ServerDisk| {
        disk.device.as_deref().map(|name| name.trim_start_matches("/dev/").to_owned())
    };
    for own in &new.disks {
        match disks.iter_mut().find(|disk| disk.device.is_some() && device(disk) == device(own)) {
            Some(disk) => *disk = own.clone(),
            None => disks.push(own.clone()),
        }
    }
    let expanded = NewServer { image: None, disks, ..new.clone() };
    super::new_disk::check(&expanded.disks, false, expanded.max_count)?;
    Ok(Some(expanded))
}
