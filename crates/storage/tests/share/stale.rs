//! Every step that a backend makes on a share fails once, as it does when a server was started again or a mount has lost it.

use crate::fixture::{Share, bytes, new, snapshot, volume, write};
use hatchery_model::units::Bytes;
use hatchery_model::volume::VolumeContent;
use hatchery_ports::volume_backend::{Held, Opened, VolumeBackend, VolumeError};
use hatchery_storage::{FileVolumeBackend, Steps};
use nix::errno::Errno;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a server or a mount says.
const SAID: [Errno; 4] = [Errno::ESTALE, Errno::EIO, Errno::ENOTCONN, Errno::ETIMEDOUT];

/// Counts steps, and lets those fail that are asked for.
#[derive(Clone, Default)]
struct Fault {
    step: Arc<AtomicU64>,
}

impl Fault {
    /// From that step on, so many.
    fn agent(&self, share: &Share, from: u64, count: u64) -> FileVolumeBackend {
        self.step.store(0, Ordering::SeqCst);
        let step = self.step.clone();
        let steps = Steps::hooked(move |_| {
            let now = step.fetch_add(1, Ordering::SeqCst);
            if (from..from.saturating_add(count)).contains(&now) {
                let said = SAID[usize::try_from(from).unwrap() % SAID.len()];
                return Err(io::Error::from(said));
            }
            Ok(())
        });
        FileVolumeBackend::on_share_in_steps(share.settings("one"), steps).unwrap()
    }
}

/// Who writes a volume as a whole begins again when that failed, as whoever restores a backup does.
async fn write_or_again(
    volumes: &FileVolumeBackend,
    mib: u64,
    byte: u8,
) -> Result<(), VolumeError> {
    match write(volumes, 1, mib, byte).await {
        Err(VolumeError::Unavailable { .. }) => write(volumes, 1, mib, byte).await,
        done => done,
    }
}

/// Everything that is done with volumes.
async fn walk(volumes: &FileVolumeBackend, image: &VolumeContent) -> Result<(), VolumeError> {
    let of = |number| Opened::Volume(volume(number));
    volumes.create(&new(1, VolumeContent::Empty)).await?;
    write_or_again(volumes, 0, 1).await?;
    volumes.snapshot(volume(1), snapshot(1)).await?;
    write_or_again(volumes, 1, 2).await?;
    volumes.create(&new(2, VolumeContent::Snapshot(volume(1), snapshot(1)))).await?;
    volumes.create(&new(3, VolumeContent::Volume(volume(1)))).await?;
    volumes.create(&new(4, image.clone())).await?;
    assert!(volumes.find(volume(4)).await?.is_some());
    assert_eq!(bytes(volumes, of(1)).await?, [1, 2, 0, 0, 0]);
    assert_eq!(bytes(volumes, of(2)).await?, [1, 0, 0, 0, 0]);
    assert_eq!(bytes(volumes, of(4)).await?, [3, 5, 0, 9, 0]);
    volumes.extend(volume(4), Bytes::from_mib(16)).await?;
    volumes.revert(volume(1), snapshot(1)).await?;
    assert_eq!(bytes(volumes, of(1)).await?, [1, 0, 0, 0, 0]);
    assert_eq!(bytes(volumes, of(3)).await?, [1, 2, 0, 0, 0]);
    let held = volumes.list().await?;
    assert_eq!(held.len(), 5, "{held:?}");
    assert!(held.contains(&Held::Snapshot(volume(1), snapshot(1))));
    volumes.remove_snapshot(volume(1), snapshot(1)).await?;
    for number in 1..5 {
        volumes.remove(volume(number)).await?;
    }
    assert_eq!(volumes.list().await?, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_once_is_made_again() {
    let Some(share) = Share::mounted() else { return };
    let (image, fault) = (share.image().await, Fault::default());
    walk(&fault.agent(&share, u64::MAX, 0), &image).await.unwrap();
    let all = fault.step.load(Ordering::SeqCst);
    assert!(all > 150, "{all}");
    for step in 0..all {
        let done = walk(&fault.agent(&share, step, 1), &image).await;
        done.unwrap_or_else(|error| panic!("step {step}: {error:?}"));
        share.is_empty();
    }
    println!("{all} steps, each failed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_is_not_taken_for_an_empty_one() {
    let Some(share) = Share::mounted() else { return };
    let (image, fault) = (share.image().await, Fault::default());
    let sound = share.host("one");
    for from in (0..400).step_by(13) {
        let agent = fault.agent(&share, from, u64::MAX);
        match walk(&agent, &image).await {
            Err(VolumeError::Unavailable { .. }) => {}
            other => panic!("step {from}: {other:?}"),
        }
        // So often and no more: whoever waits for it is told.
        assert!(fault.step.load(Ordering::SeqCst) - from < 60);
        for number in 1..5 {
            let found = agent.find(volume(number)).await;
            assert!(matches!(found, Err(VolumeError::Unavailable { .. })), "{found:?}");
        }
        let down = agent.report().await.down.unwrap();
        let says = down.contains("does not answer") || down.contains("the share cannot be used");
        assert!(says, "{down}");
        // Back again, all that is left of it goes.
        for held in sound.list().await.unwrap() {
            if let Held::Snapshot(volume, snapshot) = held {
                sound.remove_snapshot(volume, snapshot).await.unwrap();
            }
        }
        for number in 1..5 {
            sound.remove(volume(number)).await.unwrap();
        }
        share.is_empty();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_not_pass_is_not_tried_again() {
    let Some(share) = Share::mounted() else { return };
    share.host("one").list().await.unwrap();
    let tries = Arc::new(AtomicU64::new(0));
    let counted = tries.clone();
    let steps = Steps::hooked(move |op| {
        if matches!(op, hatchery_storage::Op::Write(path) if path.ends_with("x") || path.to_string_lossy().contains("volume-"))
        {
            counted.fetch_add(1, Ordering::SeqCst);
            return Err(io::Error::from(Errno::EACCES));
        }
        Ok(())
    });
    let agent = FileVolumeBackend::on_share_in_steps(share.settings("one"), steps).unwrap();
    let error = agent.create(&new(1, VolumeContent::Empty)).await.unwrap_err();
    let VolumeError::Denied(text) = error else { panic!("{error:?}") };
    for word in ["does not let this process", "anonuid", "mode 755"] {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!(tries.load(Ordering::SeqCst), 1);
    share.is_empty();
}
