//! Has an image made of what a volume holds (`os-volume_upload_image`).

use super::access;
use super::image_cache;
use super::send::{self, Writing};
use super::types::find_type;
use super::verbs::VolumeVerbs;
use super::waiting;
use crate::error::Error;
use crate::image::arriving::{self, NewArriving};
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::image::{DiskFormat, Image, Visibility};
use hatchery_model::volume::{ImageOfVolume, Volume, VolumeState, VolumeType, VolumeWork};
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// What `volume_image_metadata` says of the bytes that the volume was made of: another image's business.
const OF_THE_BYTES: [&str; 9] = [
    "checksum",
    "container_format",
    "disk_format",
    "image_id",
    "image_name",
    "min_disk",
    "min_ram",
    "name",
    "size",
];
/// Names that Glance keeps to itself, and those of a signature over other bytes.
const RESERVED: [&str; 3] = ["os_glance", "img_signature", "signature_verified"];

/// A request for an image of a volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadRequest {
    /// The image's name.
    pub name: String,
    /// Raw or qcow2.
    pub format: DiskFormat,
    /// Who may see the image.
    pub visibility: Visibility,
    /// Whether it is kept from being deleted.
    pub protected: bool,
    /// Also while servers use the volume.
    pub force: bool,
}

/// What was promised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadedImage {
    /// The image, which waits for its bytes.
    pub image: Image,
    /// The volume.
    pub volume: Volume,
    /// Its type.
    pub volume_type: VolumeType,
}

impl VolumeVerbs {
    /// Has an image made of what the volume holds now. Needs `member` on the volume's project and on the caller's, whose the image is.
    ///
    /// `NotFound`, `Denied`; `Invalid` where the volume's state does not allow it.
    pub async fn upload_to_image(
        &self,
        caller: &Caller,
        id: VolumeId,
        request: UploadRequest,
    ) -> Result<UploadedImage, Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let action = "volume_extension:volume_actions:upload_image";
        let mut volume = access::changeable(&mut *uow, caller, id, action).await?;
        let force = request.force && ports.settings.enable_force_upload;
        let attached = match volume.state {
            VolumeState::Available => false,
            VolumeState::InUse if force => true,
            _ => {
                let wanted = if force { "available or in-use" } else { "available" };
                return Err(Error::Invalid(format!(
                    "Invalid volume: Volume {id} status must be {wanted}"
                )));
            }
        };
        if volume.backend.is_none() {
            return Err(Error::Invalid(format!("Invalid volume: Volume {id} has no bytes.")));
        }
        let (now, format) = (ports.clock.now(), request.format);
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let new = NewArriving {
            name: request.name,
            format,
            visibility: request.visibility,
            protected: request.protected,
            least: (0, 0),
            properties: properties(&volume.image_metadata),
        };
        let (image, upload) = arriving::begin(&mut *uow, writing, caller, new).await?;
        let image_volume =
            image_cache::beside(&mut *uow, writing, &volume, (format, attached)).await?;
        let what = ImageOfVolume { image: image.id, upload, format, live: attached, image_volume };
        let work = VolumeWork::UploadToImage(id, Box::new(what));
        let order = send::ordered(volume.generation.next(), work, now);
        volume.state = VolumeState::Uploading { image: image.id, attached, order };
        send::keep(&mut *uow, &mut volume, now).await?;
        let order = waiting::send_volume(&mut *uow, writing, &volume).await?;
        let volume_type = find_type(&mut *uow, volume.volume_type).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(UploadedImage { image, volume, volume_type })
    }
}

/// The free pairs that go from image to volume to image.
pub(crate) fn properties(said: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let goes_on = |key: &str| {
        !OF_THE_BYTES.contains(&key) && !RESERVED.iter().any(|prefix| key.starts_with(prefix))
    };
    said.iter()
        .filter(|(key, _)| goes_on(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// A volume leaves this state without having brought an image its bytes: an image that waits for them goes, and the volume beside it.
pub(crate) async fn abandoned(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &Volume,
    before: &VolumeState,
) -> Result<Vec<Order>, Error> {
    match before {
        VolumeState::Uploading { image, .. } => {
            arriving::given_up(uow, writing, *image).await?;
            image_cache::not_made(uow, writing, volume, before).await
        }
        VolumeState::Creating(_)
        | VolumeState::Available
        | VolumeState::Reserved
        | VolumeState::Attaching
        | VolumeState::InUse
        | VolumeState::Detaching
        | VolumeState::Extending { .. }
        | VolumeState::Reverting { .. }
        | VolumeState::BackingUp { .. }
        | VolumeState::Restoring(_)
        | VolumeState::Deleting(_)
        | VolumeState::Moving(_)
        | VolumeState::Managing(_)
        | VolumeState::Unmanaging(_)
        | VolumeState::SaidCreating
        | VolumeState::SaidDeleting
        | VolumeState::NotManaged
        | VolumeState::Failed
        | VolumeState::NotDeleted
        | VolumeState::NotExtended
        | VolumeState::NotReverted
        | VolumeState::Maintenance
        | VolumeState::AwaitingTransfer => Ok(Vec::new()),
    }
}
