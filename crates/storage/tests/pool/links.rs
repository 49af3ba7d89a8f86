//! Names appear for active images, once, and for no others.

use crate::fixture::{Lab, block, census, did, image, inode, qcow2, raw};
use hatchery_model::base::Did;
use hatchery_model::image::{CatalogState, DiskFormat, ImageFormat};
use hatchery_model::units::Bytes;
use hatchery_ports::base_pool::BasePool;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

#[test]
fn every_active_image_is_one_inode_with_two_more_names() {
    let mut lab = Lab::new();
    let (a, b) = (lab.add(1, &raw(1)), lab.add(2, &qcow2(2)));
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Linked).len(), 4, "{deeds:?}");
    assert!(lab.is_linked(a) && lab.is_linked(b));
    let mode = fs::metadata(lab.base(a)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    let statuses = block(lab.pool().list(lab.leases.as_ref().unwrap())).unwrap();
    let formats: Vec<_> = statuses.iter().map(|one| one.format.unwrap()).collect();
    assert!(formats.contains(&ImageFormat::Raw) && formats.contains(&ImageFormat::Qcow2));
    assert!(statuses.iter().all(|one| one.links == 3 && one.virtual_size == Some(Bytes(64 << 10))));
}

#[test]
fn a_pass_with_nothing_to_do_writes_nothing() {
    let mut lab = Lab::new();
    lab.add(1, &raw(1));
    lab.keep();
    let state = lab.settings.state.clone();
    let before = (census(lab.folder.path()), fs::metadata(&state).unwrap().modified().unwrap());
    let refuse = hatchery_storage::Steps::hooked(|op| panic!("{op:?} in a quiet pool"));
    lab.steps = refuse;
    assert_eq!(lab.keep(), []);
    assert_eq!(before.0, census(lab.folder.path()));
    assert_eq!(before.1, fs::metadata(&state).unwrap().modified().unwrap());
}

#[test]
fn an_image_that_still_arrives_is_never_linked_and_others_are() {
    let mut lab = Lab::new();
    let (whole, saving) = (lab.add(1, &raw(1)), lab.add(2, &raw(2)));
    lab.set(saving, CatalogState::Unfinished);
    lab.keep();
    assert!(lab.is_linked(whole));
    assert_eq!((inode(&lab.cached(saving)), inode(&lab.base(saving))), (None, None));

    // Also not for a hint that came too early, and a name that somebody else made goes.
    let pool = lab.pool();
    block(pool.link(&lab.images[1])).unwrap();
    assert_eq!(inode(&lab.cached(saving)), None);
    fs::hard_link(lab.store(saving), lab.base(saving)).unwrap();
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Removed).len(), 1, "{deeds:?}");
    assert_eq!(inode(&lab.base(saving)), None);

    lab.set(saving, CatalogState::Active);
    block(pool.link(&lab.images[1])).unwrap();
    // The hint's link is the next pass's knowledge.
    lab.images[1].state = CatalogState::Active;
    block(lab.pool().link(&lab.images[1])).unwrap();
    assert!(lab.is_linked(saving));
}

#[test]
fn a_file_that_is_not_what_the_catalogue_says_is_left_alone_with_the_reason() {
    let mut lab = Lab::new();
    let (short, lying, flat, gone) =
        (lab.add(1, &raw(1)), lab.add(2, &qcow2(2)), lab.add(3, &raw(3)), lab.add(4, &raw(4)));
    let whole = lab.add(5, &raw(5));
    lab.images[0].size = Some(Bytes(1 << 20));
    lab.images[1].format = Some(DiskFormat::Raw);
    lab.images[2].format = Some(DiskFormat::Vmdk);
    fs::remove_file(lab.store(gone)).unwrap();
    let deeds = lab.keep();
    for (id, part) in [
        (short, "bytes and the catalogue says"),
        (lying, "its bytes are qcow2"),
        (flat, "import it as raw or qcow2"),
        (gone, "not in the store"),
    ] {
        assert_eq!(inode(&lab.cached(id)), None);
        let said = deeds.iter().find(|deed| deed.image == Some(id)).unwrap();
        assert!(said.why.contains(part), "{said:?}");
    }
    assert!(lab.is_linked(whole));
}

#[test]
fn a_symbolic_link_in_the_store_is_never_followed() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    let secret = lab.path("secret");
    fs::rename(lab.store(id), &secret).unwrap();
    symlink(&secret, lab.store(id)).unwrap();
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Failed).len(), 1, "{deeds:?}");
    assert_eq!(inode(&lab.cached(id)), None);
}

#[test]
fn a_base_folder_that_leads_to_the_cache_is_the_cache() {
    let mut lab = Lab::new();
    fs::remove_dir(lab.path("instances/_base")).unwrap();
    fs::create_dir(lab.path("imagecache")).unwrap();
    symlink(lab.path("imagecache"), lab.path("instances/_base")).unwrap();
    let id = lab.add(1, &raw(1));
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::Linked).len(), 1, "{deeds:?}");
    assert!(lab.is_linked(id));
    lab.delete(id);
    lab.keep();
    assert_eq!(inode(&lab.base(id)), None);
}

#[test]
fn two_images_with_the_same_bytes_lose_nothing_when_one_goes() {
    let mut lab = Lab::new();
    let (a, b) = (lab.add(1, &raw(7)), lab.add(2, &raw(7)));
    fs::remove_file(lab.store(b)).unwrap();
    fs::hard_link(lab.store(a), lab.store(b)).unwrap();
    lab.keep();
    assert_eq!(inode(&lab.base(a)), inode(&lab.base(b)));
    let statuses = block(lab.pool().list(lab.leases.as_ref().unwrap())).unwrap();
    let counted: Vec<_> = statuses.iter().filter(|one| one.allocated.0 > 0).collect();
    assert_eq!(counted.len(), 1, "one inode is counted once");
    lab.delete(a);
    lab.keep();
    assert_eq!(inode(&lab.cached(a)), None);
    assert!(lab.is_linked(b));
    assert_eq!(fs::read(lab.base(b)).unwrap(), raw(7));
}

#[test]
fn a_new_base_folder_belongs_to_whom_the_instances_belong_to() {
    // Also where an earlier process was killed after it had begun to make it.
    for left in [None, Some(0o700)] {
        // A pool of its own: one that has been kept takes another, empty folder for one that is not mounted, unless it has the old one's number.
        let mut lab = Lab::new();
        let instances = lab.path("instances");
        chown(&instances, Some(12_345), Some(12_346)).unwrap();
        let bases = instances.join("_base");
        let owner_of = |path: &Path| {
            let about = fs::metadata(path).unwrap();
            (about.uid(), about.gid(), about.mode() & 0o7777)
        };
        let id = lab.add(1, &raw(1));
        fs::remove_dir_all(&bases).unwrap();
        if let Some(mode) = left {
            let begun = instances.join(".new-_base");
            fs::create_dir(&begun).unwrap();
            fs::set_permissions(&begun, Permissions::from_mode(mode)).unwrap();
        }
        lab.keep();
        assert_eq!(owner_of(&bases), (12_345, 12_346, 0o755));
        assert!(lab.is_linked(id));
        let names: Vec<_> =
            fs::read_dir(&instances).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(names, ["_base"]);
        // The cache is its own; and a `_base` that is there stays as it is.
        assert_eq!(owner_of(&lab.path("imagecache")).0, nix::unistd::getuid().as_raw());
        chown(&instances, Some(0), Some(0)).unwrap();
        lab.keep();
        assert_eq!(owner_of(&bases), (12_345, 12_346, 0o755));
    }
}

#[test]
fn a_dry_run_says_the_same_and_does_nothing() {
    let mut lab = Lab::new();
    lab.add(1, &raw(1));
    let gone = lab.add(2, &raw(2));
    lab.keep();
    lab.add(3, &raw(3));
    lab.delete(gone);
    let before = census(lab.folder.path());
    let dry = hatchery_ports::base_pool::Pass { dry_run: true, ..lab.pass() };
    let said = block(lab.pool().keep(&dry)).unwrap().deeds;
    assert_eq!(before, census(lab.folder.path()));
    let kinds = |deeds: &[hatchery_model::base::Deed]| {
        let mut all: Vec<_> =
            deeds.iter().map(|deed| (deed.base.clone(), deed.did.name())).collect();
        all.sort();
        all
    };
    assert_eq!(kinds(&said), kinds(&lab.keep()));
    let _ = image(9);
}
