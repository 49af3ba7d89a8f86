//! A host's volume backends as the control plane sees them: each order done once by generation, and answered as often as it comes.

use hatchery_model::disk::BlockSource;
use hatchery_model::generation::Generation;
use hatchery_model::id::{BackupId, HostName, ImageId, SnapshotId, VolumeId};
use hatchery_model::image::{ImageContent, ImageFormat, Inspection};
use hatchery_model::provision::{FileAbilities, PlanStep, Rung, VolumeTargetFacts};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{
    BackendReport, ImageOfVolume, Reach, VolumeContent, VolumeNews, VolumeOrder, VolumeOutcome,
    VolumeSubject, VolumeWork,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// See the head of this file.
#[derive(Default)]
pub struct FakeVolumes {
    /// What is reported of them.
    pub backends: Mutex<Vec<BackendReport>>,
    /// Works of these names fail with these messages.
    pub fails: Mutex<BTreeMap<&'static str, String>>,
    /// Whether what fails leaves something.
    pub leaves: AtomicBool,
    /// What there is.
    pub there: Mutex<BTreeSet<VolumeId>>,
    /// What there is of snapshots.
    pub snapshots: Mutex<BTreeSet<(VolumeId, SnapshotId)>>,
    /// What there is of backups.
    pub backups: Mutex<BTreeSet<BackupId>>,
    /// Images whose bytes were copied into a volume, in that order.
    pub copied: Mutex<Vec<ImageId>>,
    /// Works that were really done, in their order.
    pub done: Mutex<Vec<&'static str>>,
    answers: Mutex<BTreeMap<VolumeSubject, (Generation, VolumeNews)>>,
}

impl FakeVolumes {
    /// With one backend of files, named `file`, in the pool of this name.
    pub fn serve(&self, pool: &str) {
        self.backends.lock().unwrap().push(backend(pool));
    }

    /// Does an order, unless it is an old one. Its answer.
    pub fn take(&self, host: &HostName, order: VolumeOrder) -> Option<VolumeNews> {
        if let Some((generation, news)) = self.answers.lock().unwrap().get(&order.subject) {
            if *generation > order.generation {
                return None;
            }
            if *generation == order.generation {
                return Some(news.clone());
            }
        }
        let outcome = match self.fails.lock().unwrap().get(order.work.name()) {
            Some(message) => failed(message, self.leaves.load(Ordering::SeqCst)),
            None => self.carry_out(&order.work),
        };
        let news = VolumeNews {
            host: host.clone(),
            backend: order.backend,
            subject: order.subject,
            generation: order.generation,
            work: order.work.name().to_owned(),
            outcome,
            took_ms: 12,
        };
        let mut answers = self.answers.lock().unwrap();
        answers.insert(order.subject, (order.generation, news.clone()));
        Some(news)
    }

    fn carry_out(&self, work: &VolumeWork) -> VolumeOutcome {
        let mut there = self.there.lock().unwrap();
        let mut snapshots = self.snapshots.lock().unwrap();
        let volume = work.volume();
        let (mut rung, mut bytes_copied) = (None, Bytes(0));
        match work {
            VolumeWork::Create(new) => {
                match self.fill(&new.content, &there, &snapshots) {
                    Ok(done) => (rung, bytes_copied) = done,
                    Err(why) => return failed(why, false),
                }
                there.insert(volume);
            }
            VolumeWork::Remove(_) => {
                if snapshots.iter().any(|(of, _)| *of == volume) {
                    return failed("It has snapshots.", false);
                }
                there.remove(&volume);
            }
            VolumeWork::CreateSnapshot(_, snapshot)
            | VolumeWork::ManageSnapshot(_, snapshot, _) => {
                if !there.contains(&volume) {
                    return failed("There is no such volume.", false);
                }
                snapshots.insert((volume, *snapshot));
            }
            VolumeWork::RemoveSnapshot(_, snapshot) | VolumeWork::UnmanageSnapshot(_, snapshot) => {
                snapshots.remove(&(volume, *snapshot));
            }
            VolumeWork::Extend(..) | VolumeWork::Revert(..) if !there.contains(&volume) => {
                return failed("There is no such volume.", false);
            }
            VolumeWork::Backup(_) | VolumeWork::Restore(..) | VolumeWork::RemoveBackup(..) => {
                if !self.carry_out_backup(work, there.contains(&volume)) {
                    return failed("There is no such volume, or no such backup.", false);
                }
            }
            VolumeWork::CopyFrom(_, _, from) if from == "broken" || !there.contains(&volume) => {
                return failed("It cannot be read there.", false);
            }
            VolumeWork::Extend(..) | VolumeWork::Revert(..) | VolumeWork::CopyFrom(..) => {}
            VolumeWork::Manage(..) => drop(there.insert(volume)),
            VolumeWork::Unmanage(_) => drop(there.remove(&volume)),
            VolumeWork::UploadToImage(_, wanted) | VolumeWork::DiskToImage(_, wanted) => {
                self.done.lock().unwrap().push(work.name());
                there.extend(wanted.image_volume.as_ref().map(|new| new.volume));
                return uploaded(wanted);
            }
        }
        self.done.lock().unwrap().push(work.name());
        if matches!(work, VolumeWork::ManageSnapshot(..)) {
            return VolumeOutcome::ManagedSnapshot { size: Bytes::from_mib(1500) };
        }
        let path = format!("/volumes/{volume}/{}", self.done.lock().unwrap().len());
        let source = matches!(
            work,
            VolumeWork::Create(_)
                | VolumeWork::CreateSnapshot(..)
                | VolumeWork::CopyFrom(..)
                | VolumeWork::Revert(..)
        )
        .then(|| BlockSource::File {
            path: path.into(),
            format: ImageFormat::Raw,
            read_only: false,
            backing: None,
        });
        VolumeOutcome::Done { source, rung, bytes_copied }
    }
}

impl FakeVolumes {
    /// The way to an image's bytes, and how many were copied; or why the content cannot be had.
    fn fill(
        &self,
        content: &VolumeContent,
        there: &BTreeSet<VolumeId>,
        snapshots: &BTreeSet<(VolumeId, SnapshotId)>,
    ) -> Result<(Option<Rung>, Bytes), &'static str> {
        match content {
            VolumeContent::Empty => {}
            VolumeContent::Image { image, plan, .. } => {
                if plan.cloned_volume().is_some_and(|of| !there.contains(&of)) {
                    return Err("What it is cloned of is not there.");
                }
                if plan.steps.contains(&PlanStep::CopyImage) {
                    self.copied.lock().unwrap().push(*image);
                    return Ok((Some(plan.rung), plan.copies));
                }
                return Ok((Some(plan.rung), Bytes(0)));
            }
            VolumeContent::Volume(of) if there.contains(of) => {}
            VolumeContent::Snapshot(of, snapshot) if snapshots.contains(&(*of, *snapshot)) => {}
            VolumeContent::Volume(_) | VolumeContent::Snapshot(..) => {
                return Err("What it is made of is not there.");
            }
        }
        Ok((None, Bytes(0)))
    }

    /// Says whether it could be done.
    fn carry_out_backup(&self, work: &VolumeWork, is_there: bool) -> bool {
        let mut backups = self.backups.lock().unwrap();
        match work {
            VolumeWork::Backup(new) => {
                let goes_on = new.parent.is_none_or(|parent| backups.contains(&parent));
                if is_there && goes_on {
                    backups.insert(new.backup);
                }
                is_there && goes_on
            }
            VolumeWork::Restore(_, backup) => is_there && backups.contains(backup),
            VolumeWork::RemoveBackup(_, backup) => {
                backups.remove(backup);
                true
            }
            _ => false,
        }
    }
}

fn uploaded(wanted: &ImageOfVolume) -> VolumeOutcome {
    let content = ImageContent {
        size: Bytes::from_gib(1),
        md5: "1".repeat(32),
        sha512: "1".repeat(128),
        inspection: Inspection {
            format: ImageFormat::Raw,
            virtual_bytes: Bytes::from_gib(1),
            inspector_version: 1,
        },
        raw: None,
        location: None,
    };
    VolumeOutcome::Uploaded {
        image: wanted.image,
        upload: wanted.upload.clone(),
        content: Box::new(content),
        image_volume: wanted.image_volume.as_ref().map(|new| BlockSource::File {
            path: format!("/volumes/{}", new.volume).into(),
            format: ImageFormat::Raw,
            read_only: false,
            backing: None,
        }),
    }
}

fn failed(message: &str, leaves: bool) -> VolumeOutcome {
    VolumeOutcome::Failed {
        message: message.to_owned(),
        details: "because the test wants it".into(),
        leaves,
    }
}

/// A backend of files with 100 GiB, half of it free.
pub fn backend(pool: &str) -> BackendReport {
    BackendReport {
        backend: "file".into(),
        pool: pool.to_owned(),
        protocol: "file".into(),
        reach: Reach::ServingHosts,
        total: Bytes::from_gib(100),
        free: Bytes::from_gib(50),
        target: VolumeTargetFacts {
            file: Some(FileAbilities {
                hard_link: Ok(()),
                reflink: Err("ext4 has no reflinks".into()),
                free: Bytes::from_gib(50),
            }),
            cluster: None,
            clones: Ok(()),
            free: Bytes::from_gib(50),
            conversion_free: Bytes::from_gib(50),
        },
        image_cache: None,
        image_volumes: false,
        down: None,
    }
}
