//! The config drive, as independent readers see it.

use crate::spec;
use crate::world::{network, nic, require, run};
use hatchery_ports::metadata::ConfigDrive;
use hatchery_testkit::ManualClock;
use hatchery_virt::guest_data::{DriveOwner, IsoConfigDrive};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

async fn drive(folder: &Path, owner: DriveOwner) -> String {
    let network = network("10.80.0.0/24");
    let guest = spec::guest(vec![nic(&network, 9)]);
    let path = folder.join("disk.config");
    let writer = IsoConfigDrive::new(Arc::new(ManualClock::default()), owner);
    writer.write(&guest, &path).await.unwrap();
    writer.write(&guest, &path).await.unwrap();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "nothing stands beside the drive");
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn readers_find_the_documents_under_the_label() {
    require("bsdtar", "libarchive-tools");
    let folder = tempfile::tempdir().unwrap();
    let path = drive(folder.path(), DriveOwner::default()).await;
    assert_eq!(run("blkid", &["-p", "-o", "value", "-s", "LABEL", &path]).trim(), "config-2");
    assert_eq!(run("blkid", &["-p", "-o", "value", "-s", "TYPE", &path]).trim(), "iso9660");

    for joliet_only in [false, true] {
        let options = if joliet_only { "!rockridge" } else { "!joliet" };
        let options = format!("iso9660:{options}");
        let list = run("bsdtar", &["--options", &options, "-tf", &path]);
        let mut names: Vec<_> = list.lines().filter(|name| !name.ends_with('/')).collect();
        names.retain(|name| {
            name.starts_with("openstack/latest/") || name.starts_with("ec2/latest/")
        });
        names.sort_unstable();
        let wanted = [
            "ec2/latest/meta-data.json",
            "ec2/latest/user-data",
            "openstack/latest/meta_data.json",
            "openstack/latest/network_data.json",
            "openstack/latest/user_data",
            "openstack/latest/vendor_data.json",
            "openstack/latest/vendor_data2.json",
        ];
        // A list of all folders is longer than one sector.
        assert_eq!(
            names.into_iter().filter(|name| wanted.contains(name)).count(),
            wanted.len(),
            "{list}"
        );
        let out = tempfile::tempdir().unwrap();
        run("bsdtar", &["--options", &options, "-xf", &path, "-C", out.path().to_str().unwrap()]);
        let read = |name: &str| fs::read(out.path().join(name)).unwrap();
        for version in ["latest", "2018-08-27", "2020-10-14", "2016-06-30"] {
            let document: Value =
                serde_json::from_slice(&read(&format!("openstack/{version}/meta_data.json")))
                    .unwrap();
            assert_eq!(document["name"], "Büro 1");
            let network: Value =
                serde_json::from_slice(&read(&format!("openstack/{version}/network_data.json")))
                    .unwrap();
            assert_eq!(network["links"][0]["mtu"], 1400);
            assert_eq!(read(&format!("openstack/{version}/user_data")), spec::USER_DATA);
        }
        let amazon: Value = serde_json::from_slice(&read("ec2/latest/meta-data.json")).unwrap();
        assert_eq!(amazon["instance-id"], "i-0000002a");
        assert_eq!(amazon["public-keys"]["0"]["openssh-key"], spec::KEY);
        assert_eq!(amazon["public-keys"]["0"].as_object().unwrap().len(), 1);
        let mode = fs::metadata(out.path().join("openstack/latest/user_data")).unwrap().mode();
        if !joliet_only {
            assert_eq!(mode & 0o777, 0o444);
        }
    }
}

/// The strictest reader that may be there.
#[tokio::test]
async fn xorriso_finds_no_fault() {
    if Command::new("xorriso").arg("-version").output().is_err() {
        eprintln!("SKIPPED: xorriso is missing: install the package xorriso");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = drive(folder.path(), DriveOwner::default()).await;
    let output = Command::new("xorriso")
        .args(["-abort_on", "WARNING", "-indev", &path, "-find", "/", "-exec", "lsdl", "--"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let list = String::from_utf8_lossy(&output.stdout);
    assert!(
        list.contains("2026") && list.contains("'/openstack/2018-08-27/meta_data.json'"),
        "{list}"
    );
}

#[tokio::test]
async fn the_drive_belongs_to_whom_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let owner = DriveOwner { mode: 0o600, ids: Some((12_345, 54_321)) };
    let path = drive(folder.path(), owner).await;
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.uid(), found.gid()), (12_345, 54_321));
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(found.len() < 256 << 10, "{} bytes", found.len());

    let nowhere = folder.path().join("missing").join("disk.config");
    let writer = IsoConfigDrive::new(Arc::new(ManualClock::default()), DriveOwner::default());
    let refused = writer.write(&spec::guest(Vec::new()), &nowhere).await;
    assert!(refused.is_err());
}
