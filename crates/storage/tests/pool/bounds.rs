//! Bounds in names and in bytes, at every moment.

use crate::fixture::{Lab, did, inode, raw};
use hatchery_model::base::Did;
use hatchery_model::image::ImageFormat;
use std::fs;
use std::sync::{Arc, Mutex};

#[test]
fn never_more_names_than_allowed_and_the_unneeded_make_room() {
    let mut lab = Lab::new();
    lab.settings.max_count = Some(3);
    lab.settings.minimum_age = std::time::Duration::from_secs(86_400);
    let ids: Vec<_> = (0..5).map(|number| lab.add(number, &raw(number))).collect();
    let cache = lab.path("imagecache");
    let most = Arc::new(Mutex::new(0));
    let seen = most.clone();
    lab.steps = hatchery_storage::Steps::hooked(move |_| {
        let count =
            fs::read_dir(&cache)?.flatten().filter(|entry| entry.file_name().len() == 40).count();
        let mut most = seen.lock().unwrap();
        *most = count.max(*most);
        Ok(())
    });
    let deeds = lab.keep();
    assert_eq!(did(&deeds, Did::LeftAlone).len(), 2, "{deeds:?}");
    assert!(did(&deeds, Did::LeftAlone)[0].why.contains("may have 3"));
    assert!(did(&deeds, Did::Failed).is_empty(), "{deeds:?}");
    let linked = |lab: &Lab| ids.iter().filter(|id| inode(&lab.cached(**id)).is_some()).count();
    assert_eq!(linked(&lab), 3);

    // One that is held stays; one that nobody needs goes before its time.
    let on: Vec<_> = ids.iter().copied().filter(|id| inode(&lab.cached(*id)).is_some()).collect();
    lab.hold(on[0], ImageFormat::Raw, 1);
    lab.delete(on[0]);
    lab.delete(on[1]);
    // It is marked first, and goes by leases that were read after that.
    lab.keep();
    lab.keep();
    assert!(inode(&lab.cached(on[0])).is_some());
    assert_eq!(inode(&lab.cached(on[1])), None);
    assert_eq!(linked(&lab), 3);
    assert!(*most.lock().unwrap() <= 3);
}

#[test]
fn links_of_images_that_are_there_hold_no_bytes_of_the_pools() {
    let mut lab = Lab::new();
    lab.settings.max_bytes = Some(hatchery_model::units::Bytes(1));
    let id = lab.add(1, &raw(1));
    lab.keep();
    assert!(lab.is_linked(id));
}
