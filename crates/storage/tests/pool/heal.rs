//! Lost and changed bases are put back, from bytes that have the recorded digest, and from no others.

use crate::fixture::{Lab, block, did, inode, qcow2, raw};
use hatchery_model::base::{BaseHealth, Did};
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::base_pool::BasePool;
use std::fs;
use std::os::unix::fs::FileExt;

#[test]
fn a_lost_base_is_put_back_and_its_servers_are_named() {
    let mut lab = Lab::new();
    let id = lab.add(1, &qcow2(1));
    let server = lab.hold(id, ImageFormat::Qcow2, 1);
    lab.keep();
    fs::remove_file(lab.base(id)).unwrap();
    let deeds = lab.keep();
    let healed = did(&deeds, Did::Healed);
    assert_eq!(healed.len(), 1, "{deeds:?}");
    assert_eq!(healed[0].servers, [server]);
    assert!(lab.is_linked(id));
    // The cache's own name too.
    fs::remove_file(lab.cached(id)).unwrap();
    assert_eq!(did(&lab.keep(), Did::Healed).len(), 1);
    assert!(lab.is_linked(id));
}

#[test]
fn also_when_the_image_is_gone_and_a_host_has_the_last_copy() {
    let mut lab = Lab::new();
    let other = lab.path("h2/_base");
    fs::create_dir_all(&other).unwrap();
    lab.settings.bases.push(other.clone());
    let id = lab.add(1, &raw(1));
    lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    lab.delete(id);
    lab.keep();
    fs::remove_file(lab.cached(id)).unwrap();
    fs::remove_file(lab.base(id)).unwrap();
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Healed).len(), 2, "{deeds:?}");
    assert_eq!(fs::read(lab.base(id)).unwrap(), raw(1));
}

#[test]
fn bytes_without_the_digest_heal_nothing() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    lab.delete(id);
    lab.keep();
    // All that is left has the right length and other bytes.
    fs::remove_file(lab.base(id)).unwrap();
    fs::remove_file(lab.cached(id)).unwrap();
    fs::write(lab.base(id), raw(9)).unwrap();
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Healed).len(), 0, "{deeds:?}");
    let failed = did(&deeds, Did::Failed);
    assert!(failed[0].why.contains("no copy with the recorded digest"), "{deeds:?}");
    assert_eq!(failed[0].servers.len(), 1);
    assert_eq!(inode(&lab.cached(id)), None);
}

#[test]
fn another_file_in_its_place_is_kept_aside() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    fs::remove_file(lab.base(id)).unwrap();
    fs::write(lab.base(id), b"garbage").unwrap();
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Quarantined).len(), 1, "{deeds:?}");
    assert!(lab.is_linked(id));
    let aside: Vec<_> = fs::read_dir(lab.path("instances/_base/.quarantine"))
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert_eq!(aside, [b"garbage".to_vec()]);
    assert_eq!(lab.keep(), []);
}

#[test]
fn a_flipped_byte_is_found_by_reading_and_healed_from_another_inode() {
    let mut lab = Lab::new();
    let other = lab.path("h2/_base");
    fs::create_dir_all(&other).unwrap();
    lab.settings.bases.push(other.clone());
    let id = lab.add(1, &raw(1));
    lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    // The second host has a file of its own with the same bytes, as after a fetch of its own.
    let name = lab.base(id).file_name().unwrap().to_owned();
    fs::remove_file(other.join(&name)).unwrap();
    let file = fs::OpenOptions::new().write(true).open(lab.store(id)).unwrap();
    fs::write(other.join(&name), raw(1)).unwrap();
    file.write_all_at(&[0xff], 5000).unwrap();

    let leases = lab.leases.clone().unwrap();
    let report = block(lab.pool().scrub(Bytes(1 << 30), None, &leases)).unwrap();
    assert_eq!(did(&report.deeds, Did::Failed).len(), 1, "{:?}", report.deeds);
    let changed = block(lab.pool().list(&leases)).unwrap();
    assert!(matches!(changed[0].health, BaseHealth::Changed { .. }), "{changed:?}");
    lab.images.clear();
    fs::remove_file(lab.store(id)).unwrap();
    let deeds = lab.keep();
    assert!(!did(&deeds, Did::Healed).is_empty(), "{deeds:?}");
    assert_eq!(fs::read(lab.base(id)).unwrap(), raw(1));
    assert_eq!(fs::read(lab.cached(id)).unwrap(), raw(1));
    let good = block(lab.pool().list(&leases)).unwrap();
    assert_eq!(good[0].health, BaseHealth::Good);
}

#[test]
fn a_damaged_image_with_no_other_copy_is_said_and_left() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    let file = fs::OpenOptions::new().write(true).open(lab.store(id)).unwrap();
    file.write_all_at(&[0xff], 5000).unwrap();
    let leases = lab.leases.clone().unwrap();
    block(lab.pool().scrub(Bytes(1 << 30), None, &leases)).unwrap();
    let deeds = lab.keep();
    assert!(did(&deeds, Did::Failed)[0].why.contains("upload the image again"), "{deeds:?}");
    assert!(lab.is_linked(id), "running guests keep what they have");
}
