//! Volumes of servers: `os-volume_attachments`. One verb a file.

mod attach_volume;
mod detach_volume;
mod device;
mod ended;
mod list_volumes;
mod swap_volume;
mod update_volume;

pub use attach_volume::VolumeToAttach;
pub(crate) use device::next_free;
pub(crate) use ended::ended;
pub(crate) use swap_volume::command as swap_command;

use super::settings::ComputeSettings;
use crate::error::Error;
use crate::volume::qos;
use hatchery_model::id::{ServerId, VolumeId};
use hatchery_model::volume::{Attachment, GuestVolume, Volume};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

use crate::workflow::Outgoing;

/// See the head of this file. An [`Attachment`] is what Nova shows: its `mountpoint` is `device`, and `guest` has the rest.
#[derive(Clone)]
pub struct ServerVolumeVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// To the outbox relay.
    pub outgoing: Outgoing,
    /// What the operator has set.
    pub settings: Arc<ComputeSettings>,
}

/// What binds the volume to the server. `NotFound`.
async fn bound(
    uow: &mut dyn UnitOfWork,
    server: ServerId,
    volume: VolumeId,
) -> Result<Attachment, Error> {
    let all = uow.attachments().list(None, Some(volume), Some(server)).await?;
    shown(all).into_iter().next().ok_or_else(|| {
        Error::not_found("Volume attachment", format!("of volume {volume} to instance {server}"))
    })
}

/// Those that the server has: a volume that is only about to replace another one is not among them.
pub(crate) fn shown(attachments: Vec<Attachment>) -> Vec<Attachment> {
    attachments.into_iter().filter(|one| one.guest.replaces.is_none()).collect()
}

/// The volume as the server's guest has it. `NotFound`: nobody knows where its bytes are.
pub(crate) async fn guest_volume(
    uow: &mut dyn UnitOfWork,
    attachment: &Attachment,
    volume: &Volume,
) -> Result<GuestVolume, Error> {
    let source = volume.source.clone();
    let qos = qos::front_end(uow, volume.volume_type, volume.size_gib).await?;
    Ok(GuestVolume {
        volume: volume.id,
        attachment: attachment.id,
        source: source.ok_or_else(|| Error::not_found("Data of volume", volume.id))?,
        boot_index: attachment.guest.boot_index,
        device: attachment.mountpoint.clone().unwrap_or_default(),
        qos: qos.unwrap_or_default(),
    })
}
