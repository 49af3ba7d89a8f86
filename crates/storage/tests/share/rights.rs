//! A process that is not root on the share, as one whose root is squashed, and one that is nobody there.

use crate::fixture::{Share, bytes, new, snapshot, volume, write};
use hatchery_ports::volume_backend::{Opened, VolumeBackend};
use hatchery_storage::{FileOwner, FileVolumeBackend, ShareVolumeSettings};
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

const FOLDER: &str = "HATCHERY_TEST_SHARE";
const OWNER: &str = "HATCHERY_TEST_OWNER";
const OPEN: &str = "HATCHERY_TEST_OPEN";
/// Nobody's number.
const SOMEBODY: u32 = 12_345;

/// Not a test by itself: the process that is somebody else. Says why its backend is down, or what it has made.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let share = Share::at(std::path::Path::new(&folder));
    let owner = std::env::var(OWNER).unwrap();
    let owner = (!owner.is_empty()).then_some(owner);
    let set = ShareVolumeSettings {
        owner: FileOwner::named(owner.as_deref(), owner.as_deref()).unwrap(),
        secure_permissions: std::env::var(OPEN).is_ok().then_some(false),
        images: share.folder().join("work/pool"),
        note: share.folder().join("work/note.json"),
        ..share.settings("one")
    };
    let volumes = FileVolumeBackend::on_share(set).unwrap();
    if let Some(why) = volumes.report().await.down {
        println!("DOWN {why}");
        return;
    }
    let share = Share::at(&share.folder().join("work"));
    let content = share.image().await;
    volumes.create(&new(1, content)).await.unwrap();
    volumes.snapshot(volume(1), snapshot(1)).await.unwrap();
    write(&volumes, 1, 0, 8).await.unwrap();
    assert_eq!(bytes(&volumes, Opened::Volume(volume(1))).await.unwrap(), [8, 5, 0, 9, 0]);
    println!("UP");
}

/// What it says.
fn as_somebody(share: &Share, owner: &str, open: bool) -> String {
    let work = share.folder().join("work");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir(&work).unwrap();
    chown(&work, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let id = SOMEBODY.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
    command.arg(std::env::current_exe().unwrap());
    command.args(["rights::child", "--exact", "--nocapture"]);
    command.env(FOLDER, share.folder()).env(OWNER, owner);
    if open {
        command.env(OPEN, "1");
    }
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    let said = text.lines().find_map(|line| {
        line.find("DOWN ").or_else(|| line.find("UP")).map(|at| line[at..].to_owned())
    });
    said.unwrap_or_else(|| panic!("{text}"))
}

fn is_of(share: &Share, mode: u32) {
    let found =
        std::fs::metadata(share.export().join(format!("volume-{}.2", volume(1).0))).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (SOMEBODY, SOMEBODY, mode));
}

#[test]
fn an_ordinary_user_works_on_its_own_share() {
    let Some(share) = Share::mounted() else { return };
    chown(share.export(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    assert_eq!(as_somebody(&share, "", false), "UP");
    is_of(&share, 0o644);
}

#[test]
fn the_hypervisors_user_itself_works_on_its_own_share() {
    let Some(share) = Share::mounted() else { return };
    chown(share.export(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    assert_eq!(as_somebody(&share, &SOMEBODY.to_string(), false), "UP");
    is_of(&share, 0o644);
}

#[test]
fn who_cannot_give_files_away_says_what_would_help() {
    let Some(share) = Share::mounted() else { return };
    chown(share.export(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let said = as_somebody(&share, "64055", false);
    for word in ["DOWN", "12345:12345", "64055:64055", "anonuid", "nas_secure_file_permissions"] {
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(as_somebody(&share, "64055", true), "UP");
    is_of(&share, 0o666);
}

#[test]
fn who_may_not_write_says_whose_the_share_is() {
    let Some(share) = Share::mounted() else { return };
    let said = as_somebody(&share, "", false);
    for word in ["DOWN", "which is user 12345", "belongs to 0:0 with mode 755", "anonuid"] {
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(share.names(), Vec::<String>::new());
}
