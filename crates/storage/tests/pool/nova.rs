//! A real Nova beside the pool: what it does to a base when it repairs one itself.

use crate::fixture::{Lab, did, inode, qcow2, raw};
use hatchery_model::base::Did;
use hatchery_model::image::ImageFormat;
use std::fs;

/// Nova, whose base was removed, fetches the image again and converts it to raw under the same name.
fn refetch_as_raw(lab: &Lab, id: hatchery_model::id::ImageId, content: u8) {
    let part = lab.path("instances/_base/.part");
    fs::write(&part, raw(content)).unwrap();
    fs::rename(&part, lab.base(id)).unwrap();
}

#[test]
fn a_raw_refetch_under_overlays_that_name_qcow2_is_put_right() {
    let mut lab = Lab::new();
    let id = lab.add(1, &qcow2(1));
    let server = lab.hold(id, ImageFormat::Qcow2, 1);
    lab.keep();
    refetch_as_raw(&lab, id, 1);
    let deeds = lab.keep();
    let healed = did(&deeds, Did::Healed);
    assert_eq!(healed[0].servers, [server], "{deeds:?}");
    assert!(healed[0].why.contains("as raw"), "{deeds:?}");
    assert!(lab.is_linked(id));
    assert_eq!(did(&deeds, Did::Quarantined).len(), 1);
    assert_eq!(lab.keep(), []);
}

#[test]
fn where_nobody_names_qcow2_the_raw_refetch_stays() {
    let mut lab = Lab::new();
    let id = lab.add(1, &qcow2(1));
    lab.keep();
    refetch_as_raw(&lab, id, 1);
    let own = inode(&lab.base(id));
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::LeftAlone).len(), 1, "{deeds:?}");
    lab.hold(id, ImageFormat::Raw, 2);
    lab.keep();
    assert_eq!(inode(&lab.base(id)), own, "a create that is under way must find what it saw");
    // A disk of each kind: nobody can be right for both.
    lab.hold(id, ImageFormat::Qcow2, 3);
    let deeds = lab.keep();
    assert!(did(&deeds, Did::Failed)[0].why.contains("cannot be both"), "{deeds:?}");
    assert_eq!(inode(&lab.base(id)), own);
}

#[test]
fn with_raw_bytes_linked_novas_own_repair_is_harmless() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    refetch_as_raw(&lab, id, 1);
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Quarantined).len(), 0, "{deeds:?}");
    assert!(lab.is_linked(id), "one inode is enough");
}

#[test]
fn novas_utime_on_every_use_is_no_evidence() {
    let mut lab = Lab::new();
    let id = lab.add(1, &qcow2(1));
    let server = lab.hold(id, ImageFormat::Qcow2, 1);
    lab.keep();
    let touched = fs::OpenOptions::new().write(true).open(lab.base(id)).unwrap();
    touched.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(lab.keep(), []);
    fs::remove_file(lab.base(id)).unwrap();
    assert_eq!(did(&lab.keep(), Did::Healed)[0].servers, [server]);
}

#[test]
fn a_pool_that_converts_links_what_nova_would_fetch() {
    let mut lab = Lab::new();
    lab.settings.force_raw = true;
    let id = lab.add(1, &qcow2(1));
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Linked).len(), 2, "{deeds:?}");
    assert_eq!(fs::read(lab.base(id)).unwrap(), raw(1));
    assert_eq!(inode(&lab.base(id)), inode(&lab.cached(id)));
    assert_eq!(lab.keep(), []);
    // The scene in which Nova repairs a base by itself: the same bytes come back, as a file of its own.
    lab.hold(id, ImageFormat::Raw, 1);
    refetch_as_raw(&lab, id, 1);
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Quarantined).len(), 0, "{deeds:?}");
    assert_eq!(fs::read(lab.base(id)).unwrap(), raw(1));
    assert_eq!(inode(&lab.base(id)), inode(&lab.cached(id)));
    // And when the base is lost, it is healed from the raw form.
    fs::remove_file(lab.base(id)).unwrap();
    assert_eq!(did(&lab.keep(), Did::Healed).len(), 1);
    lab.let_go();
    lab.delete(id);
    lab.keep();
    assert_eq!((inode(&lab.base(id)), inode(&lab.cached(id))), (None, None));
}

#[test]
fn disks_on_a_qcow2_link_keep_it_when_the_pool_begins_to_convert() {
    let mut lab = Lab::new();
    let id = lab.add(1, &qcow2(1));
    lab.keep();
    lab.hold(id, ImageFormat::Qcow2, 1);
    lab.settings.force_raw = true;
    let deeds = lab.keep();
    assert!(did(&deeds, Did::LeftAlone)[0].why.contains("disks lie on it as qcow2"), "{deeds:?}");
    assert!(lab.is_linked(id));
    lab.let_go();
    lab.keep();
    assert_eq!(fs::read(lab.base(id)).unwrap(), raw(1));
}
