//! What the answers to the orders of a volume's way to another backend do to its row.

use crate::error::Error;
use crate::volume::answer::Ground;
use crate::volume::send::{self, Writing};
use crate::volume::tell::{self, About};
use crate::volume::waiting;
use crate::workflow::Order;
use hatchery_model::volume::{
    BackendName, MigrationStatus, Volume, VolumeMove, VolumeNews, VolumeOutcome, VolumeState,
    VolumeWork,
};
use hatchery_ports::store::UnitOfWork;

/// The copy is there: from now on it is the volume, and what it was made of goes. Or that has gone: the volume is there again.
pub(in crate::volume) async fn done(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    (mut volume, mut moving): (Volume, VolumeMove),
    news: &VolumeNews,
) -> Result<Vec<Order>, Error> {
    if moving.left.is_some() {
        return arrived(uow, ground, volume).await;
    }
    let VolumeOutcome::Done { source: Some(source), .. } = &news.outcome else {
        let why = "The agent has not said where the copy is.";
        return failed(uow, ground, (volume, moving), why).await;
    };
    volume.source = Some(source.clone());
    moving.left = volume.backend.replace(moving.to.clone());
    volume.left_at.retain(|left| *left != moving.to);
    if let Some(new_type) = moving.new_type
        && let Some(found) = uow.volume_types().find(new_type).await?
    {
        (volume.volume_type, volume.multiattach) = (new_type, found.multiattach());
    }
    let now = ground.writing.now;
    moving.order = send::ordered(volume.generation.next(), VolumeWork::Remove(volume.id), now);
    volume.state = VolumeState::Moving(Box::new(moving));
    send::keep(uow, &mut volume, now).await?;
    Ok(waiting::send_volume(uow, ground.writing, &volume).await?.into_iter().collect())
}

async fn arrived(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    mut volume: Volume,
) -> Result<Vec<Order>, Error> {
    volume.state = VolumeState::Available;
    volume.migration = Some(MigrationStatus::Success);
    send::keep(uow, &mut volume, ground.writing.now).await?;
    Ok(Vec::new())
}

/// It could not be copied, and is where it was; or it was, and something of it is left there, which goes with the volume.
pub(in crate::volume) async fn failed(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    (mut volume, moving): (Volume, VolumeMove),
    message: &str,
) -> Result<Vec<Order>, Error> {
    if let Some(left) = moving.left {
        tracing::error!(volume.id = %volume.id, backend = %left, message, "a volume could not be removed where it was: that is done when it is deleted");
        leave(&mut volume, left);
        return arrived(uow, ground, volume).await;
    }
    volume.state = VolumeState::Available;
    volume.migration = Some(MigrationStatus::Error);
    send::keep(uow, &mut volume, ground.writing.now).await?;
    let what = match moving.new_type {
        Some(_) => tell::RETYPE,
        None => tell::MIGRATE,
    };
    let about = (&volume.project, About::Volume(volume.id));
    let what = (what, tell::UNKNOWN);
    tell::tell(uow, ground.writing, ground.settings, about, what, message).await?;
    Ok(Vec::new())
}

/// Nobody is there who could answer. What the host may have made of it until then is removed with the volume.
pub(crate) async fn given_up(
    uow: &mut dyn UnitOfWork,
    ground: Ground<'_>,
    mut volume: Volume,
    message: &str,
) -> Result<Vec<Order>, Error> {
    let VolumeState::Moving(moving) = volume.state.clone() else { return Ok(Vec::new()) };
    if moving.left.is_none() {
        leave(&mut volume, moving.to.clone());
    }
    failed(uow, ground, (volume, *moving), message).await
}

/// Notes where something of a volume may be left: somebody takes it out of its way by force, or its agent could not clean up.
pub(in crate::volume) fn left_behind(volume: &mut Volume) {
    if let VolumeState::Moving(moving) = volume.state.clone() {
        leave(volume, moving.left.unwrap_or(moving.to));
    }
}

fn leave(volume: &mut Volume, at: BackendName) {
    if !volume.left_at.contains(&at) && volume.backend.as_ref() != Some(&at) {
        volume.left_at.push(at);
    }
}

/// A volume that goes is gone where it was: the order to remove it where something of it may be left. `None`: nowhere.
pub(in crate::volume) async fn next_removal(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    volume: &mut Volume,
) -> Result<Option<Vec<Order>>, Error> {
    let Some(left) = volume.left_at.pop() else { return Ok(None) };
    volume.backend = Some(left);
    let work = VolumeWork::Remove(volume.id);
    let order = send::ordered(volume.generation.next(), work, writing.now);
    volume.state = VolumeState::Deleting(order);
    send::keep(uow, volume, writing.now).await?;
    let sent = waiting::send_volume(uow, writing, volume).await?;
    Ok(Some(sent.into_iter().collect()))
}
