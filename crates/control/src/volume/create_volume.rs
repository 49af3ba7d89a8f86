//! Takes a request for a volume: checked, written down and ordered from a backend in one transaction. What no backend takes is written down as
//! failed, and its user is told why, as with Cinder's scheduler.

use super::allowance::{self, More};
use super::find_volume::{VolumeDetail, detail};
use super::origin::{Origin, invalid};
use super::pairs;
use super::placement::{self, Need, Placed};
use super::request::VolumeRequest;
use super::send::{self, Writing};
use super::services::disabled_backends;
use super::settings::VolumeSettings;
use super::tell::{self, About};
use super::verbs::VolumeVerbs;
use crate::error::Error;
use crate::policy;
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Host;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, ProjectId, VolumeId};
use hatchery_model::provision::Plan;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    BackendName, NewVolume, Volume, VolumeContent, VolumeState, VolumeSubject, VolumeType,
    VolumeWay, VolumeWork,
};
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::UnitOfWork;

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
        let (volume, order) =
            insert(&mut *uow, writing, &ports.settings, (caller, project), &request, None).await?;
        let shown = detail(&mut *uow, volume).await?;
        uow.commit().await?;
        ports.outgoing.hand_over(order);
        Ok(shown)
    }
}

/// Writes a volume down, and the order to its backend. `used_from`: the host that is going to use it. See [`VolumeVerbs::create_volume`].
pub(crate) async fn insert(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    settings: &VolumeSettings,
    (caller, project): (&Caller, &ProjectId),
    request: &VolumeRequest,
    used_from: Option<&HostName>,
) -> Result<(Volume, Option<Order>), Error> {
    pairs::check(&request.metadata)?;
    let origin = Origin::find(uow, caller, request.source).await?;
    let size_gib = origin.size_gib(request.size_gib)?;
    let asked = request.volume_type.as_deref();
    let volume_type = origin.volume_type(uow, settings, caller, asked).await?;
    let zone = origin.zone(settings, request)?;
    allowance::check_size(uow, settings, project, size_gib).await?;
    let more = More { project, volume_type: &volume_type, volumes: 1, snapshots: 0, gib: size_gib };
    allowance::check(uow, settings, &more).await?;
    let hosts = uow.hosts().list().await?;
    let size = Bytes::from_gib(size_gib);
    let facts = origin.image_facts();
    let disabled = disabled_backends(uow).await?;
    let need = Need {
        size,
        volume_type: &volume_type,
        image: facts.as_ref(),
        used_from,
        disabled: &disabled,
    };
    let placed = match origin.volume() {
        Some(source) => Ok(stay(&hosts, source, &volume_type)?),
        None => placement::choose(&hosts, &need, settings, writing.now),
    };
    let id = VolumeId(random_uuid(writing.entropy));
    let mut volume =
        row(&origin, request, (id, caller, project), (size_gib, &volume_type, zone), writing.now);
    let Placed { backend, plan } = match placed {
        Ok(placed) => placed,
        Err(refused) => {
            not_placed(uow, writing, settings, &volume, &refused).await?;
            return Ok((volume, None));
        }
    };
    let content = content(&origin, plan)?;
    volume.way = way(&content);
    let work = VolumeWork::Create(Box::new(NewVolume { volume: id, size, content }));
    let order = order(uow, writing, &mut volume, backend, work).await?;
    Ok((volume, Some(order)))
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
        multiattach: volume_type.multiattach(),
        image,
        image_metadata,
        source_snapshot,
        source_volume,
        way: None,
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
) -> Result<Order, Error> {
    let ordered = send::ordered(volume.generation, work, writing.now);
    volume.state = VolumeState::Creating(ordered.clone());
    volume.backend = Some(backend.clone());
    uow.volumes().insert(volume).await?;
    let subject = VolumeSubject::Volume(volume.id);
    send::send(uow, writing, &backend, subject, &ordered).await
}

/// What is made of a volume or a snapshot stays where that lies.
fn stay(hosts: &[Host], source: &Volume, volume_type: &VolumeType) -> Result<Placed, Error> {
    let not_there = || {
        Error::Invalid(format!(
            "Invalid volume: Volume {} has not been scheduled to any host.",
            source.id
        ))
    };
    let backend = source.backend.clone().ok_or_else(not_there)?;
    let reports = hosts.iter().filter(|host| host.name == backend.host).flat_map(|h| &h.backends);
    let report = reports.into_iter().find(|report| report.backend == backend.backend);
    if volume_type.id != source.volume_type
        && let Some(report) = report
        && placement::fits_type(report, volume_type).is_err()
    {
        return Err(invalid(&format!(
            "Invalid volume_type provided: {} (requested type is not compatible; either match source volume, or omit type argument).",
            volume_type.id
        )));
    }
    Ok(Placed { backend, plan: None })
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
