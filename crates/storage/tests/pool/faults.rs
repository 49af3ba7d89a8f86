//! Every change refused once, in every way that a filesystem refuses: nothing is lost, and the next pass puts everything right.

use crate::fixture::{Lab, image, inode, qcow2, raw};
use hatchery_model::image::ImageFormat;
use hatchery_storage::Steps;
use nix::libc::{EACCES, EDQUOT, EIO, ENOSPC, ESTALE};
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A pool in which everything happens in one pass: a link to be made, a lost base, a changed one, one that goes.
fn busy() -> Lab {
    let mut lab = Lab::new();
    let (lost, changed) = (lab.add(1, &raw(1)), lab.add(2, &qcow2(2)));
    lab.add(3, &raw(3));
    lab.hold(lost, ImageFormat::Raw, 1);
    lab.hold(changed, ImageFormat::Qcow2, 2);
    lab.keep();
    fs::remove_file(lab.base(lost)).unwrap();
    fs::remove_file(lab.base(changed)).unwrap();
    fs::write(lab.base(changed), raw(2)).unwrap();
    lab.delete(image(3));
    lab.add(4, &raw(4));
    lab
}

fn assert_right(lab: &Lab, what: &str) {
    for number in [1, 2, 4] {
        assert!(lab.is_linked(image(number)), "{what}: image {number}");
    }
    assert_eq!(inode(&lab.base(image(3))), None, "{what}");
    assert_eq!(inode(&lab.cached(image(3))), None, "{what}");
    for name in ["imagecache", "instances/_base"] {
        for entry in fs::read_dir(lab.path(name)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.starts_with(".link-") && !name.starts_with(".new-"), "{what}: {name}");
        }
    }
}

#[test]
fn each_change_refused_in_each_way() {
    let mut refused = 0;
    for errno in [ENOSPC, EDQUOT, EACCES, ESTALE, EIO] {
        for at in 0.. {
            let mut lab = busy();
            let count = Arc::new(AtomicUsize::new(0));
            let counted = count.clone();
            lab.steps =
                Steps::hooked(move |_| match counted.fetch_add(1, Ordering::SeqCst) == at {
                    true => Err(io::Error::from_raw_os_error(errno)),
                    false => Ok(()),
                });
            // What cannot be done is said, or stops the pass; what disks lie on is there all the while.
            let _ = lab.try_keep();
            for number in [1, 2] {
                assert!(lab.store(image(number)).exists() && lab.cached(image(number)).exists());
            }
            lab.steps = Steps::default();
            lab.keep();
            assert_right(&lab, &format!("errno {errno} at step {at}"));
            if count.load(Ordering::SeqCst) <= at {
                assert!(at > 10, "the pass has {at} steps only");
                break;
            }
            refused += 1;
        }
    }
    assert!(refused > 50);
}

#[test]
fn the_image_goes_while_it_is_being_linked() {
    let mut lab = Lab::new();
    let id = lab.add(1, &raw(1));
    lab.add(2, &raw(2));
    let store = lab.store(id);
    lab.steps = Steps::hooked(move |op| {
        if matches!(op, hatchery_storage::Op::Link(from, _) if from == store) {
            fs::remove_file(&store)?;
        }
        Ok(())
    });
    let deeds = lab.keep();
    assert!(deeds.iter().any(|deed| deed.image == Some(id)), "{deeds:?}");
    lab.steps = Steps::default();
    lab.images.retain(|image| image.id != id);
    lab.keep();
    assert_eq!((inode(&lab.cached(id)), inode(&lab.base(id))), (None, None));
    assert!(lab.is_linked(image(2)));
}
