//! Takes a request for a volume: checked, written down and ordered from a backend in one transaction. What no backend takes is written down as
//! failed, and its user is told why, as with Cinder's scheduler.

use super::allowance::{self, More};
use super::find_volume::{VolumeDetail, detail};
use super::groups;
use super::image_cache::{self, Cached};
use super::origin::Origin;
use super::pairs;
use super::placement::{self, Need, Placed};
use super::request::VolumeRequest;
use super::send::{self, Writing};
use super::services::disabled_backends;
use super::settings::VolumeSettings;
use super::tell::{self, About};
use super::verbs::VolumeVerbs;
use super::waiting;
use crate::error::Error;
use crate::policy;
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Host;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, ProjectId, VolumeId};
use hatchery_model::provision::{ImageFacts, Plan};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    BackendName, NewVolume, Volume, VolumeContent, VolumeState, VolumeType, VolumeWay, VolumeWork,
};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

impl VolumeVerbs {
    /// A new volume, `creating`, and ordered; or in `error` with a message to its project where no backend takes it. Needs `member` on a
    /// project.
    ///
    /// `NotFound` (source, type), `Invalid` with Cinder's sentences, `Exhausted` (quota): nothing is left of a refused request.
    pub async fn create_volume(
        &self,
        caller: &Caller,
        request: VolumeRequest,
    ) -> Result<VolumeDetail, Error> {
        let project = policy::writer_project(caller, "volume:create")?;
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        let by = (caller, project);
        let (volume, orders) =
            make(&mut *uow, writing, &ports.settings, by, &request, None).await?;
        let shown = detail(&mut *uow, volume).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(shown)
    }
}

/// Writes a volume down, with the order to its backend, or as failed where no backend takes it. `used_from`: the host that is going to use it. See
/// [`VolumeVerbs::create_volume`].
pub(crate) async fn make(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    settings: &VolumeSettings,
    by: (&Caller, &ProjectId),
    request: &VolumeRequest,
    used_from: Option<&HostName>,
) -> Result<(Volume, Vec<Order>), Error> {
    let prepared = prepare(uow, settings, by, request).await?;
    let hosts = uow.hosts().list().await?;
    match prepared.place(&hosts, used_from, settings, writing.now) {
        Ok(placed) => prepared.insert(uow, writing, settings, by, placed).await,
        Err(refused) => {
            Ok((prepared.refuse(uow, writing, settings, by, &refused).await?, Vec::new()))
        }
    }
}

/// A request for a volume that has been looked up and judged; nothing is written yet.
pub(crate) struct Prepared {
    request: VolumeRequest,
    origin: Origin,
    size_gib: u64,
    volume_type: VolumeType,
    zone: String,
    facts: Option<ImageFacts>,
    cached: Cached,
    disabled: BTreeMap<String, String>,
}

/// Looks up what a request is about. See [`VolumeVerbs::create_volume`].
pub(crate) async fn prepare(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    (caller, project): (&Caller, &ProjectId),
    request: &VolumeRequest,
) -> Result<Prepared, Error> {
    pairs::check(&request.metadata)?;
    let origin = Origin::find(uow, caller, request.source).await?;
    let size_gib = origin.size_gib(request.size_gib)?;
    let asked = request.volume_type.as_deref();
    let volume_type = origin.volume_type(uow, settings, caller, asked).await?;
    if let Some(group) = request.group {
        groups::check_member(uow, caller, group, (asked, volume_type.id)).await?;
    }
    let zone = origin.zone(settings, request)?;
    allowance::check_size(uow, settings, project, size_gib).await?;
    let disabled = disabled_backends(uow).await?;
    let facts = origin.image_facts();
    let cached = match &origin {
        Origin::Image(image, content) => Cached::find(uow, settings, (image.id, content)).await?,
        Origin::Nothing | Origin::Snapshot(..) | Origin::Volume(_) => Cached::default(),
    };
    let request = request.clone();
    let prepared =
        Prepared { request, origin, size_gib, volume_type, zone, facts, cached, disabled };
    // Asked again when it is written down: others of the same request come before.
    prepared.check_allowance(uow, settings, project).await?;
    Ok(prepared)
}

impl Prepared {
    /// Whether a server may boot from it.
    pub(crate) fn bootable(&self) -> bool {
        self.origin.about_image().0
    }

    /// The backend that is to make it. `used_from`: the host that is going to use it. `Err`: why each one was refused.
    pub(crate) fn place(
        &self,
        hosts: &[Host],
        used_from: Option<&HostName>,
        settings: &VolumeSettings,
        now: Timestamp,
    ) -> Result<Placed, Vec<String>> {
        if let Some(source) = self.origin.volume() {
            let placed = stay(hosts, source, &self.volume_type)?;
            return match used_from {
                Some(from) if !placement::reaches(hosts, &placed.backend, from) => {
                    Err(vec![format!("{}: host {from} cannot use its volumes.", placed.backend)])
                }
                Some(_) | None => Ok(placed),
            };
        }
        let need = Need {
            size: Bytes::from_gib(self.size_gib),
            volume_type: &self.volume_type,
            image: self.facts.as_ref(),
            cached: &self.cached,
            used_from,
            disabled: &self.disabled,
        };
        placement::choose(hosts, &need, settings, now)
    }

    /// Writes the volume down, and the order to its backend, unless it has to wait for its image to be brought into the backend's cache; then with
    /// the order for that. `Exhausted` (quota).
    pub(crate) async fn insert(
        &self,
        uow: &mut dyn UnitOfWork,
        writing: Writing<'_>,
        settings: &VolumeSettings,
        by: (&Caller, &ProjectId),
        placed: Placed,
    ) -> Result<(Volume, Vec<Order>), Error> {
        self.check_allowance(uow, settings, by.1).await?;
        let mut volume = self.row(VolumeId(random_uuid(writing.entropy)), by, writing.now);
        let (mut plan, mut orders) = (placed.plan.clone(), Vec::new());
        if let (Origin::Image(image, of), Some(chosen)) = (&self.origin, plan.take()) {
            let wanted = (&volume, image.id, &**of);
            let (settled, more) =
                image_cache::settle(uow, writing, &placed, chosen, wanted).await?;
            (plan, orders) = (Some(settled), more);
        }
        let content = content(&self.origin, plan)?;
        volume.way = way(&content);
        let size = Bytes::from_gib(self.size_gib);
        let holds_image = placed.holds_image;
        let new = NewVolume { volume: volume.id, size, content, holds_image };
        let work = VolumeWork::Create(Box::new(new));
        orders.extend(order(uow, writing, &mut volume, placed.backend, work).await?);
        Ok((volume, orders))
    }

    /// Writes the volume down that no backend takes, and tells its project why. `Exhausted` (quota).
    async fn refuse(
        &self,
        uow: &mut dyn UnitOfWork,
        writing: Writing<'_>,
        settings: &VolumeSettings,
        by: (&Caller, &ProjectId),
        refused: &[String],
    ) -> Result<Volume, Error> {
        self.check_allowance(uow, settings, by.1).await?;
        let volume = self.row(VolumeId(random_uuid(writing.entropy)), by, writing.now);
        not_placed(uow, writing, settings, &volume, refused).await?;
        Ok(volume)
    }

    async fn check_allowance(
        &self,
        uow: &mut dyn UnitOfWork,
        settings: &VolumeSettings,
        project: &ProjectId,
    ) -> Result<(), Error> {
        let volume_type = &self.volume_type;
        let more = More { project, volume_type, volumes: 1, snapshots: 0, gib: self.size_gib };
        allowance::check(uow, settings, &more).await
    }

    fn row(
        &self,
        id: VolumeId,
        (caller, project): (&Caller, &ProjectId),
        now: Timestamp,
    ) -> Volume {
        let of = (self.size_gib, &self.volume_type, self.zone.clone());
        row(&self.origin, &self.request, (id, caller, project), of, now)
    }
}

/// The row of a volume that no backend has taken yet.
fn row(
    origin: &Origin,
    request: &VolumeRequest,
    (id, caller, project): (VolumeId, &Caller, &ProjectId),
    (size_gib, volume_type, availability_zone): (u64, &VolumeType, String),
    now: Timestamp,
) -> Volume {
    let (bootable, image_metadata) = origin.about_image();
    let (image, source_snapshot, source_volume) = match origin {
        Origin::Nothing => (None, None, None),
        Origin::Image(image, _) => (Some(image.id), None, None),
        Origin::Snapshot(snapshot, of) => (of.image, Some(snapshot.id), None),
        Origin::Volume(of) => (of.image, None, Some(of.id)),
    };
    Volume {
        id,
        generation: Generation::FIRST,
        project: project.clone(),
        user: caller.user.clone(),
        name: request.name.clone(),
        description: request.description.clone(),
        size_gib,
        state: VolumeState::Failed,
        backend: None,
        source: None,
        volume_type: volume_type.id,
        availability_zone,
        metadata: request.metadata.clone(),
        bootable,
        read_only: false,
        read_only_said: false,
        multiattach: volume_type.multiattach(),
        image,
        image_metadata,
        source_snapshot,
        source_volume,
        group: request.group,
        way: None,
        migration: None,
        left_at: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}

/// Writes a volume down that no backend takes, and tells its project why.
async fn not_placed(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    settings: &VolumeSettings,
    volume: &Volume,
    refused: &[String],
) -> Result<(), Error> {
    let reason = if refused.is_empty() {
        "No host serves a backend for volumes.".to_owned()
    } else {
        refused.join(" ")
    };
    tracing::warn!(volume.id = %volume.id, reason, "no backend takes a volume");
    uow.volumes().insert(volume).await?;
    let about = (&volume.project, About::Volume(volume.id));
    let what = (tell::SCHEDULE, tell::NO_BACKEND);
    tell::tell(uow, writing, settings, about, what, &reason).await
}

async fn order(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &mut Volume,
    backend: BackendName,
    work: VolumeWork,
) -> Result<Option<Order>, Error> {
    volume.state = VolumeState::Creating(send::ordered(volume.generation, work, writing.now));
    volume.backend = Some(backend);
    uow.volumes().insert(volume).await?;
    waiting::send_volume(uow, writing, volume).await
}

/// What is made of a volume or a snapshot stays where that lies.
fn stay(hosts: &[Host], source: &Volume, volume_type: &VolumeType) -> Result<Placed, Vec<String>> {
    let Some(backend) = source.backend.clone() else {
        return Err(vec![format!("Volume {} has not been scheduled to any host.", source.id)]);
    };
    let reports = hosts.iter().filter(|host| host.name == backend.host).flat_map(|h| &h.backends);
    let report = reports.into_iter().find(|report| report.backend == backend.backend);
    if volume_type.id != source.volume_type
        && let Some(report) = report
        && let Err(why) = placement::fits_type(report, volume_type)
    {
        return Err(vec![format!("{backend}, where what it is made of lies: {why}.")]);
    }
    Ok(Placed { backend, plan: None, cache: None, holds_image: false })
}

fn content(origin: &Origin, plan: Option<Plan>) -> Result<VolumeContent, Error> {
    match (origin, plan) {
        (Origin::Image(image, content), Some(plan)) => Ok(VolumeContent::Image {
            image: image.id,
            image_sha512: content.sha512.clone(),
            raw: content.raw.clone(),
            plan,
        }),
        (Origin::Image(image, _), None) => Err(Error::Internal {
            source: format!("a backend was chosen for image {} without a plan", image.id).into(),
        }),
        (Origin::Nothing, _) => Ok(VolumeContent::Empty),
        (Origin::Snapshot(snapshot, volume), _) => {
            Ok(VolumeContent::Snapshot(volume.id, snapshot.id))
        }
        (Origin::Volume(volume), _) => Ok(VolumeContent::Volume(volume.id)),
    }
}

/// The way that is planned, for a volume from an image.
fn way(content: &VolumeContent) -> Option<VolumeWay> {
    match content {
        VolumeContent::Image { plan, .. } => Some(VolumeWay {
            rung: plan.rung,
            refused: plan.refused.clone(),
            bytes_copied: None,
            took_ms: None,
        }),
        VolumeContent::Empty | VolumeContent::Snapshot(..) | VolumeContent::Volume(_) => None,
    }
}
