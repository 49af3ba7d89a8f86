//! An order about a volume, carried out on its backend.

use super::turns::Needs;
use super::{attached, backup, moving, snapshot, upload};
use crate::agent::Host;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{VolumeContent, VolumeOrder, VolumeOutcome, VolumeWork};
use hatchery_model::{disk::BlockSource, provision::PlanStep};
use hatchery_ports::volume_backend::{CreatedVolume, VolumeBackend, VolumeError};
use std::error::Error;

/// The volumes that an order needs: its own alone, and those that it is made of. What does not change while it is a source is only read, so that many
/// volumes are made of it at the same time.
pub(super) fn needs_of(work: &VolumeWork) -> Needs {
    let mut needs = Needs::alone([work.volume()]);
    if let VolumeWork::UploadToImage(_, wanted) = work {
        needs.alone.extend(wanted.image_volume.as_ref().map(|new| new.volume));
    }
    if let VolumeWork::Create(new) = work {
        match &new.content {
            VolumeContent::Empty => {}
            VolumeContent::Snapshot(of, _) => {
                needs.read.insert(*of);
            }
            // What it holds at this moment has to be kept.
            VolumeContent::Volume(of) => {
                needs.alone.insert(*of);
            }
            VolumeContent::Image { plan, .. } => {
                needs.read.extend(plan.steps.iter().filter_map(|step| match step {
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
    needs
}

/// Does what is ordered. Done again after a crash, it comes to the same.
pub(super) async fn carry_out(
    host: &Host,
    backend: &dyn VolumeBackend,
    order: &VolumeOrder,
) -> VolumeOutcome {
    let done = match &order.work {
        VolumeWork::Create(new) => {
            return backend.create(new).await.map_or_else(|error| failed(&error), made);
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
            let taken = backend.manage(*volume, name).await;
            let outcome = taken.map(|(source, size)| VolumeOutcome::Managed { source, size });
            return outcome.unwrap_or_else(|error| failed(&error));
        }
        VolumeWork::ManageSnapshot(volume, snapshot, name) => {
            let taken = backend.manage_snapshot(*volume, *snapshot, name).await;
            let outcome = taken.map(|size| VolumeOutcome::ManagedSnapshot { size });
            return outcome.unwrap_or_else(|error| failed(&error));
        }
        VolumeWork::UnmanageSnapshot(volume, snapshot) => {
            backend.unmanage_snapshot(*volume, *snapshot).await.map(|()| None)
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

fn made(volume: CreatedVolume) -> VolumeOutcome {
    VolumeOutcome::Done {
        source: Some(volume.source),
        rung: volume.rung,
        bytes_copied: volume.bytes_copied,
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
    use super::{Needs, failed, needs_of};
    use hatchery_model::id::{SnapshotId, VolumeId};
    use hatchery_model::units::Bytes;
    use hatchery_model::volume::{NewVolume, VolumeContent, VolumeOutcome, VolumeWork};
    use hatchery_ports::volume_backend::VolumeError;
    use uuid::Uuid;

    #[test]
    fn a_source_that_changes_is_needed_alone_too() {
        let (one, two) = (VolumeId(Uuid::from_u128(1)), VolumeId(Uuid::from_u128(2)));
        let snapshot = SnapshotId(Uuid::from_u128(3));
        let needs = |content| {
            let new = NewVolume { volume: one, size: Bytes(512), content, holds_image: false };
            needs_of(&VolumeWork::Create(Box::new(new)))
        };
        assert_eq!(needs(VolumeContent::Volume(two)), Needs::alone([one, two]));
        let many = Needs { alone: [one].into(), read: [two].into() };
        assert_eq!(needs(VolumeContent::Snapshot(two, snapshot)), many);
        let work = VolumeWork::CreateSnapshot(two, snapshot);
        assert_eq!(needs_of(&work), Needs::alone([two]));
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
