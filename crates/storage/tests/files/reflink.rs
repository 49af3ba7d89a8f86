//! Blocks that are shared, on a filesystem that can.

use crate::fixture::{House, Mounted, by, image, noise, root, stat};
use hatchery_model::provision::{PlanStep, Rung};
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_storage::FileOwner;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// An XFS of 300 MiB in a file. `None`, loudly, when it cannot be had.
fn xfs(folder: &Path) -> Option<Mounted> {
    let (file, at) = (folder.join("xfs"), folder.join("mounted"));
    std::fs::create_dir(&at).unwrap();
    std::fs::File::create(&file).unwrap().set_len(320 << 20).unwrap();
    for (program, arguments) in [
        ("mkfs.xfs", vec!["-q".as_ref(), file.as_os_str()]),
        ("mount", vec!["-o".as_ref(), "loop".as_ref(), file.as_os_str(), at.as_os_str()]),
    ] {
        match Command::new(program).args(arguments).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                eprintln!("SKIPPED: {program} failed, so no reflink is tried: {why}");
                return None;
            }
            Err(error) => {
                eprintln!("SKIPPED: {program} does not run ({error}), so no reflink is tried");
                return None;
            }
        }
    }
    Some(Mounted::at(&at))
}

#[tokio::test]
async fn a_base_shares_the_blocks_of_its_image() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mounted) = xfs(folder.path()) else {
        return;
    };
    let house = House::at(&folder.path().join("mounted"), FileOwner::process());
    let bytes = noise(32 << 20);
    let content = house.upload(image(1), &bytes).await.unwrap();
    let before = house.abilities().await;
    assert_eq!(before.reflink, Ok(()));
    let root = root(image(1), &content, "server", by(Rung::Reflink, PlanStep::ReflinkBase));
    let made = house.disks.create(&root).await.unwrap();
    assert_eq!((made.rung, made.bytes_copied), (Rung::Reflink, Bytes(0)));
    assert_eq!(house.disks.create(&root).await.unwrap(), made);
    assert_ne!(stat(&house.base(image(1))).ino(), stat(&house.image(image(1))).ino());
    assert_eq!(std::fs::read(house.base(image(1))).unwrap(), bytes);
    let after = house.abilities().await.free;
    assert!(before.free.0 - after.0 < 8 << 20, "32 MiB would have been copied");
}

#[tokio::test]
async fn a_filesystem_without_reflinks_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mounted) = Mounted::memory(folder.path(), "8M") else {
        return;
    };
    let house = House::at(folder.path(), FileOwner::process());
    let facts = house.abilities().await;
    assert_eq!(facts.hard_link, Ok(()));
    let reason = facts.reflink.unwrap_err();
    assert!(reason.contains("has no reflinks"), "{reason}");
}
