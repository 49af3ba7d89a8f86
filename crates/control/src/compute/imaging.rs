//! An image of a server's own disk: ordered from its host in the caller's transaction, and what becomes of that.
//!
//! The order stands in the server's row, beside its state, and the image waits for its bytes: whoever ends the one ends the other.

use crate::error::Error;
use crate::image::arriving::{self, NewArriving};
use crate::volume::Ground;
use crate::volume::send::{self, Writing};
use crate::volume::upload_to_image;
use crate::workflow::{Order, order, timeline};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{EventResult, Imaging, ImagingStep, Server};
use hatchery_model::generation::Generation;
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::image::{DiskFormat, Image, Visibility};
use hatchery_model::message::Command;
use hatchery_model::volume::{
    ImageOfVolume, Ordered, VolumeNews, VolumeOrder, VolumeOutcome, VolumeSubject, VolumeWork,
};
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// Nova's name of the step in the action.
const STEP: &str = "compute_snapshot_instance";
/// What images do not hand down, beside what says something of their bytes.
const NOT_HANDED_DOWN: [&str; 2] = ["bittorrent", "cache_in_nova"];

/// Inserts the image and orders its bytes. The server's row is stored.
pub(super) async fn begin(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    caller: &Caller,
    mut server: Server,
    (name, metadata): (String, BTreeMap<String, String>),
) -> Result<(ImageId, Order), Error> {
    let base = match server.image {
        Some(id) => uow.images().find(id).await?,
        None => None,
    };
    // As Nova: what a host's disks are. Those in Ceph are raw.
    let is_overlay = server.plan.as_ref().is_some_and(|plan| plan.overlay().is_some());
    let format = if is_overlay { DiskFormat::Qcow2 } else { DiskFormat::Raw };
    let new = NewArriving {
        name,
        format,
        visibility: Visibility::Private,
        protected: false,
        least: (server.flavor.root_gib, base.as_ref().map_or(0, |base| base.min_ram_mib)),
        properties: properties(caller, &server, base.as_ref(), metadata),
    };
    let (image, upload) = arriving::begin(uow, writing, caller, new).await?;
    let wanted = ImageOfVolume { image: image.id, upload, format, live: false, image_volume: None };
    let work = VolumeWork::DiskToImage(server.id, Box::new(wanted));
    let ordered = send::ordered(server.generation.next(), work, writing.now);
    let order = send(uow, writing, &server, &ordered).await?;
    server.imaging = Some(Imaging {
        image: image.id,
        order: ordered,
        request: writing.request.clone(),
        step: ImagingStep::Ordered,
    });
    keep(uow, server, writing).await?;
    Ok((image.id, order))
}

fn properties(
    caller: &Caller,
    server: &Server,
    base: Option<&Image>,
    metadata: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut said =
        base.map_or_else(BTreeMap::new, |base| upload_to_image::properties(&base.properties));
    said.retain(|key, _| !NOT_HANDED_DOWN.contains(&key.as_str()));
    let base = server.image.map_or_else(String::new, |id| id.to_string());
    let own = [
        ("image_type", "snapshot".to_owned()),
        ("instance_uuid", server.id.to_string()),
        ("user_id", caller.user.to_string()),
        ("base_image_ref", base),
    ];
    said.extend(own.map(|(key, value)| (key.to_owned(), value)));
    said.extend(metadata);
    let of_driver = [
        ("image_location", "snapshot".to_owned()),
        ("image_state", "available".to_owned()),
        ("owner_id", server.project.to_string()),
    ];
    said.extend(of_driver.map(|(key, value)| (key.to_owned(), value)));
    said
}

async fn keep(
    uow: &mut dyn UnitOfWork,
    mut server: Server,
    writing: Writing<'_>,
) -> Result<(), Error> {
    server.updated_at = writing.now;
    Ok(uow.servers().update(&server).await?)
}

/// Writes the order to the server's host down. `NotFound`: it has none.
pub(crate) async fn send(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    server: &Server,
    ordered: &Ordered,
) -> Result<Order, Error> {
    let command = Command::Volume(Box::new(VolumeOrder {
        backend: String::new(),
        subject: VolumeSubject::Disk(server.id),
        generation: ordered.generation,
        work: ordered.work.as_ref().clone(),
    }));
    order::to_host(uow, writing, server, command).await
}

/// How far it is. Says whether that is news.
pub(crate) async fn stepped(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (id, generation): (ServerId, Generation),
    step: ImagingStep,
) -> Result<bool, Error> {
    let Some(mut server) = uow.servers().find(id).await? else { return Ok(false) };
    let waits = server.imaging.as_mut();
    let Some(imaging) = waits.filter(|one| one.order.generation == generation && one.step < step)
    else {
        return Ok(false);
    };
    imaging.step = step;
    keep(uow, server, writing).await?;
    Ok(true)
}

/// Writes the answer down. `None`: no server waits for it.
pub(crate) async fn taken(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    id: ServerId,
    news: &VolumeNews,
) -> Result<Option<Vec<Order>>, Error> {
    let found = uow.servers().find(id).await?;
    let waits = |server: &Server| {
        server.imaging.as_ref().is_some_and(|imaging| imaging.order.is_answered_by(news))
    };
    let Some(server) = found.filter(waits) else { return Ok(None) };
    let failure = match &news.outcome {
        VolumeOutcome::Done { .. }
        | VolumeOutcome::Uploaded { .. }
        | VolumeOutcome::Managed { .. }
        | VolumeOutcome::ManagedSnapshot { .. } => None,
        VolumeOutcome::Failed { message, details, .. } => {
            tracing::warn!(server.id = %id, message, details, "no image could be made of a disk");
            Some(message.as_str())
        }
    };
    ended(uow, ground.writing, server, failure).await?;
    Ok(Some(Vec::new()))
}

/// The end of it; a failure takes the image with it.
pub(crate) async fn ended(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut server: Server,
    failure: Option<&str>,
) -> Result<(), Error> {
    let Some(imaging) = server.imaging.take() else { return Ok(()) };
    if failure.is_some() {
        arriving::given_up(uow, writing, imaging.image).await?;
    }
    if let Some(mut action) = uow.actions().find(server.id, &imaging.request).await? {
        let result = if failure.is_some() { EventResult::Error } else { EventResult::Success };
        let details = failure.map_or_else(|| format!("Image {}.", imaging.image), str::to_owned);
        let host = server.host.clone();
        timeline::noted(&mut action, STEP, result, host, details, writing.now);
        action.message = failure.map(str::to_owned);
        uow.actions().update(&action).await?;
    }
    keep(uow, server, writing).await
}

/// Nobody waits for it any more: the image goes. The server's row is the caller's to store.
pub(in crate::compute) async fn abandon(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    server: &mut Server,
) -> Result<(), Error> {
    match server.imaging.take() {
        Some(imaging) => arriving::given_up(uow, writing, imaging.image).await,
        None => Ok(()),
    }
}
