//! Whether a project may have more, in Cinder's words where not. Read in the transaction that writes: two requests at once never both take
//! the last place.

use super::limits::{VolumeLimits, find_limits};
use super::settings::VolumeSettings;
use crate::error::Error;
use hatchery_model::id::ProjectId;
use hatchery_model::page::Page;
use hatchery_model::volume::{Volume, VolumeState, VolumeType};
use hatchery_ports::store::{SnapshotFilter, UnitOfWork, VolumeFilter};

/// What is asked for.
pub(super) struct More<'a> {
    pub(super) project: &'a ProjectId,
    pub(super) volume_type: &'a VolumeType,
    pub(super) volumes: u64,
    pub(super) snapshots: u64,
    pub(super) gib: u64,
}

/// What there is, in all or of one type.
#[derive(Clone, Copy, Default)]
struct Had {
    volumes: u64,
    snapshots: u64,
    gib: u64,
}

/// `Exhausted` when a limit does not allow it.
pub(super) async fn check(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    more: &More<'_>,
) -> Result<(), Error> {
    let limits = find_limits(uow, settings, more.project).await?;
    let usage = uow.volumes().usage(more.project).await?;
    let snapshot_gib = if settings.no_snapshot_gb_quota { 0 } else { usage.snapshot_gib };
    let growing = growing_gib(uow, more.project).await?;
    let had = Had {
        volumes: usage.volumes,
        snapshots: usage.snapshots,
        gib: usage.volume_gib + snapshot_gib + growing,
    };
    let quota = &limits.quota;
    fits(more, had, (quota.gigabytes, quota.snapshots, quota.volumes), "")?;
    check_type(uow, settings, more).await
}

/// The same of the limits of the type alone: for what there is already, and gets another type.
pub(super) async fn check_type(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    more: &More<'_>,
) -> Result<(), Error> {
    let limits = find_limits(uow, settings, more.project).await?;
    let suffix = format!("_{}", more.volume_type.name);
    let of_type = [
        of(&limits, "gigabytes", &suffix),
        of(&limits, "snapshots", &suffix),
        of(&limits, "volumes", &suffix),
    ];
    if of_type.iter().all(|limit| *limit < 0) {
        return Ok(());
    }
    let had = had_of_type(uow, settings, more).await?;
    fits(more, had, (of_type[0], of_type[1], of_type[2]), &suffix)
}

/// `Exhausted` when one volume may not be as large.
pub(super) async fn check_size(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    project: &ProjectId,
    gib: u64,
) -> Result<(), Error> {
    let limit = find_limits(uow, settings, project).await?.quota.per_volume_gigabytes;
    if over(limit, gib) {
        return Err(Error::Exhausted(format!(
            "Requested volume size {gib}G is larger than maximum allowed limit {limit}G."
        )));
    }
    Ok(())
}

fn of(limits: &VolumeLimits, resource: &str, suffix: &str) -> i64 {
    limits.of_types.get(&format!("{resource}{suffix}")).copied().unwrap_or(-1)
}

fn over(limit: i64, wanted: u64) -> bool {
    u64::try_from(limit).is_ok_and(|limit| wanted > limit)
}

/// In Cinder's order: gigabytes before numbers.
fn fits(
    more: &More<'_>,
    had: Had,
    (gigabytes, snapshots, volumes): (i64, i64, i64),
    suffix: &str,
) -> Result<(), Error> {
    if more.gib > 0 && over(gigabytes, had.gib.saturating_add(more.gib)) {
        return Err(Error::Exhausted(format!(
            "Requested volume or snapshot exceeds allowed gigabytes{suffix} quota. Requested {}G, quota is {gigabytes}G and {}G has been consumed.",
            more.gib, had.gib
        )));
    }
    if more.snapshots > 0 && over(snapshots, had.snapshots + more.snapshots) {
        return Err(Error::Exhausted(format!(
            "Maximum number of snapshots allowed ({snapshots}) exceeded"
        )));
    }
    if more.volumes > 0 && over(volumes, had.volumes + more.volumes) {
        return Err(Error::Exhausted(format!(
            "Maximum number of volumes allowed ({volumes}) exceeded for quota 'volumes{suffix}'."
        )));
    }
    Ok(())
}

/// What volumes that are being made larger will have more.
async fn growing_gib(uow: &mut dyn UnitOfWork, project: &ProjectId) -> Result<u64, Error> {
    let filter = VolumeFilter {
        project: Some(project.clone()),
        statuses: vec!["extending".into()],
        ..VolumeFilter::default()
    };
    let volumes = uow.volumes().list(&filter, &Page::default()).await?;
    let more = |volume: &Volume| {
        if let VolumeState::Extending { to_gib, .. } = volume.state {
            to_gib.saturating_sub(volume.size_gib)
        } else {
            0
        }
    };
    Ok(volumes.iter().map(more).sum())
}

async fn had_of_type(
    uow: &mut dyn UnitOfWork,
    settings: &VolumeSettings,
    more: &More<'_>,
) -> Result<Had, Error> {
    let id = more.volume_type.id;
    let filter = VolumeFilter {
        project: Some(more.project.clone()),
        volume_type: Some(id),
        ..VolumeFilter::default()
    };
    let mut volumes = uow.volumes().list(&filter, &Page::default()).await?;
    // Those that are going to be of the type count too.
    let filter = VolumeFilter {
        project: Some(more.project.clone()),
        statuses: vec!["retyping".into()],
        ..VolumeFilter::default()
    };
    let retyping = uow.volumes().list(&filter, &Page::default()).await?;
    volumes.extend(retyping.into_iter().filter(|volume| {
        let VolumeState::Moving(moving) = &volume.state else { return false };
        moving.new_type == Some(id) && volume.volume_type != id
    }));
    let filter =
        SnapshotFilter { project: Some(more.project.clone()), ..SnapshotFilter::default() };
    let mut snapshots = uow.snapshots().list(&filter, &Page::default()).await?;
    snapshots.retain(|snapshot| snapshot.volume_type == id);
    let mut gib: u64 = volumes.iter().map(|volume| volume.size_gib).sum();
    if !settings.no_snapshot_gb_quota {
        gib += snapshots.iter().map(|snapshot| snapshot.size_gib).sum::<u64>();
    }
    Ok(Had { volumes: volumes.len() as u64, snapshots: snapshots.len() as u64, gib })
}
