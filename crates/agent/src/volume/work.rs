//! An order about a volume, carried out on its backend.

use super::{attached, backup, moving, snapshot, upload};
use crate::agent::Host;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{VolumeContent, VolumeOrder, VolumeOutcome, VolumeWork};
use hatchery_model::{disk::BlockSource, id::VolumeId, provision::PlanStep};
use hatchery_ports::volume_backend::{VolumeBackend, VolumeError};
use std::collections::BTreeSet;
use std::error::Error;

/// The volumes that nobody else may work on meanwhile: the order's own, and those that it is made of.
pub(super) fn volumes_of(work: &VolumeWork) -> BTreeSet<VolumeId> {
    let mut volumes = BTreeSet::from([work.volume()]);
    if let VolumeWork::UploadToImage(_, wanted) = work {
        volumes.extend(wanted.image_volume.as_ref().map(|new| new.volume));
    }
    if let VolumeWork::Create(new) = work {
        match &new.content {
            VolumeContent::Empty => {}
            VolumeContent::Snapshot(of, _) | VolumeContent::Volume(of) => {
                volumes.insert(*of);
            }
            VolumeContent::Image { plan, .. } => {
                volumes.extend(plan.steps.iter().filter_map(|step| match step {
                    PlanStep::CloneVolume(of) => Some(*of),
                    PlanStep::LinkBase
                    | PlanStep::ReflinkBase
                    | PlanStep::UseBase
                    | PlanStep::CopyBase
                    | PlanStep::CloneImage(_)
                    | PlanStep::CopyImage
                    | PlanStep::CreateOverlay { .. } => None,
                }));
            }
        }
    }
    volumes
}

/// Does what is ordered. Done again after a crash, it comes to the same.
pub(super) async fn carry_out(
    host: &Host,
    backend: &dyn VolumeBackend,
    order: &VolumeOrder,
) -> VolumeOutcome {
    let done = match &order.work {
        VolumeWork::Create(new) => {
            return match backend.create(new).await {
                Ok(made) => VolumeOutcome::Done {
                    source: Some(made.source),
                    rung: made.rung,
                    bytes_copied: made.bytes_copied,
                },
                Err(error) => failed(&error),
            };
        }
        VolumeWork::Remove(volume) => backend.remove(*volume).await.map(|()| None),
        VolumeWork::Extend(volume, size) => {
            attached::extend(&host.registry, backend, *volume, *size).await.map(|()| None)
        }
        VolumeWork::CreateSnapshot(volume, id) => {
            snapshot::take(&host.registry, backend, *volume, *id).await
        }
        VolumeWork::RemoveSnapshot(volume, snapshot) => {
            backend.remove_snapshot(*volume, *snapshot).await.map(|()| None)
        }
        VolumeWork::Revert(volume, snapshot) => backend.revert(*volume, *snapshot).await,
        VolumeWork::CopyFrom(volume, size, from) => {
            return moving::copy(&host.volumes, backend, *volume, *size, from).await;
        }
        VolumeWork::Manage(volume, name) => {
            return match backend.manage(*volume, name).await {
                Ok((source, size)) => VolumeOutcome::Managed { source, size },
                Err(error) => failed(&error),
            };
        }
        VolumeWork::Unmanage(volume) => backend.unmanage(*volume).await.map(|()| None),
        VolumeWork::Backup(new) => {
            return match host.parts.backups.as_deref() {
                Some(store) => backup::make(&host.registry, backend, store, new).await,
                None => backup::no_store(&host.settings.host.0),
            };
        }
        VolumeWork::Restore(volume, id) => {
            return match host.parts.backups.as_deref() {
                Some(store) => backup::restore(backend, store, *volume, *id).await,
                None => backup::no_store(&host.settings.host.0),
            };
        }
        VolumeWork::RemoveBackup(_, id) => {
            return match host.parts.backups.as_deref() {
                Some(store) => backup::remove(store, *id).await,
                None => backup::no_store(&host.settings.host.0),
            };
        }
        VolumeWork::UploadToImage(volume, wanted) => {
            return match host.parts.images.as_deref() {
                Some(maker) => upload::make(&host.registry, backend, maker, *volume, wanted).await,
                None => upload::no_store(&host.settings.host.0),
            };
        }
        VolumeWork::DiskToImage(server, _) => {
            return refused(format!("The disk of instance {server} is of no backend of volumes."));
        }
    };
    match done {
        Ok(source) => moved_to(source),
        Err(error) => failed(&error),
    }
}

fn moved_to(source: Option<BlockSource>) -> VolumeOutcome {
    VolumeOutcome::Done { source, rung: None, bytes_copied: Bytes(0) }
}

/// A failure that has no cause but the one it says.
pub(super) fn refused(message: String) -> VolumeOutcome {
    VolumeOutcome::Failed { details: message.clone(), message, leaves: false }
}

pub(super) fn failed(error: &VolumeError) -> VolumeOutcome {
    let message = match error {
        // Written for the user.
        VolumeError::NotFound(_)
        | VolumeError::Conflict(_)
        | VolumeError::Invalid(_)
        | VolumeError::Denied(_)
        | VolumeError::Exhausted(_)
        | VolumeError::Unsupported(_) => error.to_string(),
        VolumeError::Unavailable { .. } => format!("{error} now: try again later"),
    };
    VolumeOutcome::Failed { message, details: chain(error), leaves: false }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{failed, volumes_of};
    use hatchery_model::id::{SnapshotId, VolumeId};
    use hatchery_model::units::Bytes;
    use hatchery_model::volume::{NewVolume, VolumeContent, VolumeOutcome, VolumeWork};
    use hatchery_ports::volume_backend::VolumeError;
    use uuid::Uuid;

    #[test]
    fn a_copy_has_its_source_to_itself_too() {
        let (one, two) = (VolumeId(Uuid::from_u128(1)), VolumeId(Uuid::from_u128(2)));
        let snapshot = SnapshotId(Uuid::from_u128(3));
        for content in [VolumeContent::Volume(two), VolumeContent::Snapshot(two, snapshot)] {
            let new = NewVolume { volume: one, size: Bytes(512), content };
            assert!(volumes_of(&VolumeWork::Create(Box::new(new))).contains(&two));
        }
        let work = VolumeWork::CreateSnapshot(two, snapshot);
        assert_eq!(volumes_of(&work), [two].into());
    }

    #[test]
    fn the_user_gets_a_sentence_and_the_administrator_the_causes() {
        let source = std::io::Error::other("I/O error 5");
        let error = VolumeError::Unavailable { doing: "make the volume".into(), source };
        let VolumeOutcome::Failed { message, details, .. } = failed(&error) else { panic!() };
        assert_eq!(message, "the volume backend cannot make the volume now: try again later");
        assert!(details.ends_with("make the volume: I/O error 5"), "{details}");
    }
}
