//! Requests for volumes of images: served from the cache, with the image brought in, or sent on to the next rung.

use super::evict::{admit, evict, keep};
use super::owner;
use crate::error::Error;
use crate::scheduler::image_facts;
use crate::volume::placement::Placed;
use crate::volume::send::{self, Writing};
use crate::volume::settings::VolumeSettings;
use crate::volume::waiting;
use crate::workflow::Order;
use hatchery_model::generation::Generation;
use hatchery_model::id::{ImageId, VolumeId};
use hatchery_model::image::ImageContent;
use hatchery_model::provision::{CachedVolume, Plan, PlanStep, Refusal, Rung, VolumeCopies};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    BackendName, BackendReport, ImageCacheBounds, ImageCacheEntry, ImageCacheState, NewVolume,
    Volume, VolumeContent, VolumeState, VolumeSubject, VolumeWay, VolumeWork,
};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;

/// What the caches have, as far as it concerns an image.
#[derive(Default)]
pub(crate) struct Cached {
    entries: Vec<ImageCacheEntry>,
    sha512: String,
    clones_image_volumes: bool,
}

impl Cached {
    /// Looks into the caches of all backends.
    pub(crate) async fn find(
        uow: &mut dyn UnitOfWork,
        settings: &VolumeSettings,
        (image, content): (ImageId, &ImageContent),
    ) -> Result<Self, Error> {
        let mut entries = uow.image_cache().list(None).await?;
        entries.retain(|entry| entry.image == image && entry.serves());
        let clones_image_volumes = settings.clones_image_volumes;
        Ok(Self { entries, sha512: content.sha512.clone(), clones_image_volumes })
    }

    /// What the planner has to know of a backend's.
    pub(crate) fn of(&self, backend: &BackendName, report: &BackendReport) -> VolumeCopies {
        let here = |entry: &&ImageCacheEntry| entry.backend == *backend;
        let fits = |entry: &&ImageCacheEntry| entry.image_sha512 == self.sha512;
        let own = self
            .entries
            .iter()
            .filter(here)
            .find(|entry| entry.kept && fits(entry) && entry.state == ImageCacheState::Ready);
        let image_volume = match own {
            None => Err("the image is not kept as a volume of the backend".to_owned()),
            Some(_) if !self.clones_image_volumes => {
                Err("allowed_direct_url_schemes does not name cinder".to_owned())
            }
            Some(entry) => Ok(entry.volume),
        };
        let mut found = self.entries.iter().filter(here).filter(|entry| !entry.kept);
        let entry = found.clone().find(fits).or_else(|| found.next());
        let cached = match (report.image_cache, entry) {
            (None, _) => Err(
                "the backend keeps no cache of images: image_volume_cache_enabled is not set for it"
                    .to_owned(),
            ),
            (Some(_), None) => Err("the backend's cache has no such image".to_owned()),
            (Some(_), Some(entry)) => {
                Ok(CachedVolume { volume: entry.volume, digest_matches: fits(&entry) })
            }
        };
        VolumeCopies { image_volume, cached }
    }
}

/// Has a volume that would be copied of an image cloned of the cache instead, where the backend has one: the plan, and orders for the cache itself.
/// `volume`: the row that is wanted, which is not stored yet.
pub(in crate::volume) async fn settle(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    placed: &Placed,
    plan: Plan,
    (volume, image, content): (&Volume, ImageId, &ImageContent),
) -> Result<(Plan, Vec<Order>), Error> {
    let Some(bounds) = placed.cache else { return Ok((plan, Vec::new())) };
    if !matches!(plan.rung, Rung::CloneFromCache | Rung::DownloadAndConvert) {
        return Ok((plan, Vec::new()));
    }
    let mut entries = uow.image_cache().list(Some(&placed.backend)).await?;
    entries.retain(|entry| !entry.kept);
    let is_it = |entry: &&ImageCacheEntry| entry.serves() && entry.image == image;
    let fits = |entry: &&ImageCacheEntry| entry.image_sha512 == content.sha512;
    if let Some(entry) = entries.iter().filter(is_it).find(fits) {
        let mut entry = entry.clone();
        entry.last_used_at = writing.now;
        keep(uow, &mut entry).await?;
        return Ok((clone_of(plan, entry.volume), Vec::new()));
    }
    let copy = if plan.rung == Rung::CloneFromCache {
        copy_instead(plan, content, "the backend's cache does not have the image any more")
    } else {
        plan
    };
    let filling = Filling { backend: &placed.backend, bounds, entries, image, content };
    match filling.fill(uow, writing, volume, &copy).await? {
        Ok((entry, orders)) => {
            let why =
                "the backend's cache did not have the image: it was brought in for this volume";
            let steps = vec![PlanStep::CloneVolume(entry)];
            Ok((Plan { steps, ..refused(copy, why.to_owned()) }, orders))
        }
        Err(why) => {
            let why =
                format!("the backend's cache has no such image, and does not take it in: {why}");
            Ok((refused(copy, why), Vec::new()))
        }
    }
}

/// The plan, with another reason why the cache was not used.
fn refused(mut plan: Plan, reason: String) -> Plan {
    match plan.refused.iter_mut().find(|one| one.rung == Rung::CloneFromCache) {
        Some(refusal) => refusal.reason = reason,
        None => plan.refused.push(Refusal { rung: Rung::CloneFromCache, reason }),
    }
    plan
}

fn clone_of(plan: Plan, entry: VolumeId) -> Plan {
    let mut refused = plan.refused;
    refused.retain(|one| one.rung < Rung::CloneFromCache);
    let steps = vec![PlanStep::CloneVolume(entry)];
    Plan { rung: Rung::CloneFromCache, steps, copies: Bytes(0), refused }
}

fn copy_instead(plan: Plan, content: &ImageContent, why: &str) -> Plan {
    let copies = image_facts(content).size;
    let plan = refused(plan, why.to_owned());
    Plan { rung: Rung::DownloadAndConvert, steps: vec![PlanStep::CopyImage], copies, ..plan }
}

/// An image that is to be brought into a backend's cache.
struct Filling<'a> {
    backend: &'a BackendName,
    bounds: ImageCacheBounds,
    /// Of the backend.
    entries: Vec<ImageCacheEntry>,
    image: ImageId,
    content: &'a ImageContent,
}

impl Filling<'_> {
    /// Makes the entry; those leave for which there is no room any more. `Err`: why it is not made.
    async fn fill(
        &self,
        uow: &mut dyn UnitOfWork,
        writing: Writing<'_>,
        wanted: &Volume,
        plan: &Plan,
    ) -> Result<Result<(VolumeId, Vec<Order>), String>, Error> {
        let Some(tenant) = owner::find(uow).await? else {
            return Ok(Err("there is no internal project".to_owned()));
        };
        let size_gib = self.size_gib();
        let leaving = match self.leaving(uow).await? {
            Err(why) => return Ok(Err(why)),
            Ok(leaving) => leaving,
        };
        let mut orders = Vec::new();
        for entry in leaving {
            let why = if entry.image == self.image {
                "the image has other bytes now"
            } else {
                "it was not used for the longest time, and another image needs its place"
            };
            orders.extend(evict(uow, writing, entry, why).await?);
        }
        let id = VolumeId(random_uuid(writing.entropy));
        let volume = Volume {
            id,
            project: tenant.project,
            user: tenant.user,
            name: Some(format!("image-{}", self.image)),
            description: None,
            size_gib,
            metadata: Default::default(),
            multiattach: false,
            group: None,
            ..wanted.clone()
        };
        let entry = ImageCacheEntry {
            volume: id,
            generation: Generation::FIRST,
            backend: self.backend.clone(),
            image: self.image,
            image_sha512: self.content.sha512.clone(),
            size_gib,
            state: ImageCacheState::Waiting(Box::new(self.ordered(writing, volume, plan))),
            last_used_at: writing.now,
            kept: false,
        };
        tracing::info!(image.id = %self.image, volume.id = %id, backend = %self.backend, "an image is brought into a backend's cache");
        uow.image_cache().insert(&entry).await?;
        orders.extend(admit(uow, writing, (self.backend, self.bounds)).await?);
        Ok(Ok((id, orders)))
    }

    fn size_gib(&self) -> u64 {
        self.content.inspection.virtual_bytes.to_gib_ceil().max(1)
    }

    /// The entries that would have to leave: those of the image itself when it had other bytes, and those whose place it needs. `Err`: why it cannot
    /// be brought in.
    async fn leaving(
        &self,
        uow: &mut dyn UnitOfWork,
    ) -> Result<Result<Vec<ImageCacheEntry>, String>, Error> {
        let size_gib = self.size_gib();
        let is_stale = |entry: &ImageCacheEntry| {
            entry.image == self.image && entry.state == ImageCacheState::Ready
        };
        let (stale, others): (Vec<_>, Vec<_>) =
            self.entries.iter().cloned().partition(|entry| is_stale(entry));
        let mut room = self.bounds.make_room(&others, size_gib, |_| true);
        if room.as_ref().is_ok_and(|leaving| !leaving.is_empty()) {
            let busy = waiting::source_volumes(uow).await?;
            room = self.bounds.make_room(&others, size_gib, |volume| !busy.contains(&volume));
        }
        let with_others = |leaving: Vec<VolumeId>| {
            let others = others.into_iter().filter(|entry| leaving.contains(&entry.volume));
            stale.into_iter().chain(others).collect()
        };
        Ok(room.map(with_others))
    }

    /// The row as it is stored when its order may leave.
    fn ordered(&self, writing: Writing<'_>, mut volume: Volume, plan: &Plan) -> Volume {
        let content = VolumeContent::Image {
            image: self.image,
            image_sha512: self.content.sha512.clone(),
            raw: self.content.raw.clone(),
            plan: plan.clone(),
        };
        volume.way = Some(way_of(plan));
        let size = Bytes::from_gib(volume.size_gib);
        let new = NewVolume { volume: volume.id, size, content, holds_image: true };
        let work = VolumeWork::Create(Box::new(new));
        volume.state = VolumeState::Creating(send::ordered(volume.generation, work, writing.now));
        volume.backend = Some(self.backend.clone());
        volume
    }
}

/// Whether a plan to copy an image would bring it into a backend's cache: the images that would leave for it, or why not. `None`: the plan does not
/// copy.
pub(in crate::volume) async fn expect(
    uow: &mut dyn UnitOfWork,
    (backend, bounds): (&BackendName, ImageCacheBounds),
    plan: &Plan,
    (image, content): (ImageId, &ImageContent),
) -> Result<Option<Result<Vec<ImageId>, String>>, Error> {
    if plan.rung != Rung::DownloadAndConvert {
        return Ok(None);
    }
    let mut entries = uow.image_cache().list(Some(backend)).await?;
    entries.retain(|entry| !entry.kept);
    let filling = Filling { backend, bounds, entries, image, content };
    let leaving = filling.leaving(uow).await?;
    let images = |all: Vec<ImageCacheEntry>| all.into_iter().map(|entry| entry.image).collect();
    Ok(Some(leaving.map(images)))
}

fn way_of(plan: &Plan) -> VolumeWay {
    VolumeWay { rung: plan.rung, refused: plan.refused.clone(), bytes_copied: None, took_ms: None }
}

/// What a volume that is cloned of another one has to do.
pub(in crate::volume) enum Hold {
    /// Nothing: the other one is there, or no entry's.
    Free,
    /// It waits for the other one.
    Waits,
    /// The other one will not be there.
    Lost,
}

/// Whether the order to make a volume can leave.
pub(in crate::volume) async fn hold_of(
    uow: &mut dyn UnitOfWork,
    volume: &Volume,
) -> Result<Hold, Error> {
    let Some((_, entry)) = cloned(volume) else { return Ok(Hold::Free) };
    let Some(entry) = uow.image_cache().find(entry).await? else { return Ok(Hold::Lost) };
    Ok(match entry.state {
        ImageCacheState::Waiting(_) | ImageCacheState::Building => Hold::Waits,
        ImageCacheState::Ready => Hold::Free,
        ImageCacheState::Leaving => Hold::Lost,
    })
}

/// The plan of a volume that is being made of an image as a clone of another volume, and that one.
pub(super) fn cloned(volume: &Volume) -> Option<(&Plan, VolumeId)> {
    let VolumeState::Creating(order) = &volume.state else { return None };
    let VolumeWork::Create(new) = order.work.as_ref() else { return None };
    let VolumeContent::Image { plan, .. } = &new.content else { return None };
    plan.cloned_volume().map(|of| (plan, of))
}

/// Orders a volume anew: the image is copied into it. `None`: it is no volume that was to be cloned of an image's.
pub(in crate::volume) async fn download_instead(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut volume: Volume,
    why: &str,
) -> Result<Option<Order>, Error> {
    let (VolumeState::Creating(order), Some(backend)) = (&volume.state, volume.backend.clone())
    else {
        return Ok(None);
    };
    let VolumeWork::Create(new) = order.work.as_ref() else { return Ok(None) };
    let mut new = new.clone();
    let VolumeContent::Image { image, plan, .. } = &mut new.content else { return Ok(None) };
    tracing::warn!(volume.id = %volume.id, image.id = %image, why, "a volume is not cloned of a backend's cache: its image is copied");
    let found = uow.images().find(*image).await?;
    let copies = found
        .as_ref()
        .and_then(|image| image.content())
        .map_or(Bytes(0), |content| image_facts(content).size);
    *plan = Plan {
        rung: Rung::DownloadAndConvert,
        steps: vec![PlanStep::CopyImage],
        copies,
        ..refused(plan.clone(), why.to_owned())
    };
    volume.way = Some(way_of(plan));
    let work = VolumeWork::Create(new);
    let ordered = send::ordered(volume.generation.next(), work, writing.now);
    volume.state = VolumeState::Creating(ordered.clone());
    send::keep(uow, &mut volume, writing.now).await?;
    let subject = VolumeSubject::Volume(volume.id);
    send::send(uow, writing, &backend, subject, &ordered).await.map(Some)
}
