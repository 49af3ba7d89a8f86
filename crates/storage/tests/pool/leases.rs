//! Leases read from the disks of an existing Nova.

use crate::fixture::{block, image};
use hatchery_model::base::{BaseName, LeaseHolder};
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::base_leases::BaseLeases;
use hatchery_storage::qcow2::{Overlay, write_overlay};
use hatchery_storage::{DiskLeases, FileOwner};
use std::fs;
use std::path::Path;

const SERVER: &str = "155d900f-4e14-4e4c-a73d-069cbf4541e6";

fn instances(folder: &Path) {
    fs::create_dir_all(folder.join("_base")).unwrap();
    fs::create_dir_all(folder.join("locks")).unwrap();
}

fn overlay(folder: &Path, name: &str, format: ImageFormat) {
    fs::create_dir_all(folder.join(name)).unwrap();
    let backing = folder.join("_base").join(BaseName::of(image(1)).as_str());
    let overlay =
        Overlay { backing, backing_format: format, size: Bytes(1 << 20), note: Vec::new() };
    write_overlay(&folder.join(name).join("disk"), &overlay, FileOwner::process()).unwrap();
}

#[test]
fn every_disk_that_names_a_base_holds_it_in_the_format_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    instances(folder.path());
    overlay(folder.path(), SERVER, ImageFormat::Qcow2);
    overlay(folder.path(), &format!("{SERVER}_resize"), ImageFormat::Raw);
    fs::write(folder.path().join(SERVER).join("console.log"), b"boot").unwrap();
    fs::write(folder.path().join(SERVER).join("disk.info"), b"{}").unwrap();
    let book = block(DiskLeases::new(vec![folder.path().to_owned()]).list()).unwrap();
    let leases = book.of(&BaseName::of(image(1)));
    assert_eq!(leases.len(), 2);
    let mut formats: Vec<_> = leases.iter().map(|lease| lease.format.unwrap().as_str()).collect();
    formats.sort_unstable();
    assert_eq!(formats, ["qcow2", "raw"]);
    assert!(leases.iter().all(|lease| matches!(
        &lease.holder,
        LeaseHolder::Disk { server: Some(server), .. } if server.to_string() == SERVER
    )));
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_fewer_leases() {
    let folder = tempfile::tempdir().unwrap();
    let leases = DiskLeases::new(vec![folder.path().to_owned()]);
    let error = block(leases.list()).unwrap_err().to_string();
    assert!(error.contains("no _base in it"), "{error}");
    instances(folder.path());
    fs::create_dir(folder.path().join(SERVER)).unwrap();
    let disk = folder.path().join(SERVER).join("disk");
    // A torn header.
    fs::write(&disk, b"QFI\xfb\0\0\0\x03").unwrap();
    let error = block(leases.list()).unwrap_err().to_string();
    assert!(error.contains("cannot be understood"), "{error}");
    fs::remove_file(&disk).unwrap();
    assert_eq!(block(leases.list()).unwrap().iter().count(), 0);
}

#[test]
fn what_a_silent_host_has_shared_counts_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (near, far, cache) =
        (folder.path().join("near"), folder.path().join("far"), folder.path().join("cache"));
    fs::create_dir(&cache).unwrap();
    for one in [&near, &far] {
        instances(one);
    }
    overlay(&far, SERVER, ImageFormat::Raw);
    let at =
        |instances: &Path, host| DiskLeases::new(vec![instances.to_owned()]).shared(&cache, host);
    block(at(&far, "far").list()).unwrap();
    // The far host is gone with its disks' filesystem.
    fs::rename(&far, folder.path().join("off")).unwrap();
    let book = block(at(&near, "near").list()).unwrap();
    assert!(book.holds(&BaseName::of(image(1))));
    // It comes back, its disk is deleted, and it says so.
    fs::rename(folder.path().join("off"), &far).unwrap();
    fs::remove_dir_all(far.join(SERVER)).unwrap();
    block(at(&far, "far").list()).unwrap();
    assert!(!block(at(&near, "near").list()).unwrap().holds(&BaseName::of(image(1))));
    // A torn file is nobody's absence.
    fs::write(cache.join(".leases/far.json"), b"[{").unwrap();
    assert!(block(at(&near, "near").list()).is_err());
}
