//! `kill -9` in front of every change of a pass that links, heals, quarantines and removes.

use crate::fixture::{Lab, given, image, inode, killed_at, raw, run_killed};
use hatchery_model::image::ImageFormat;
use std::fs;
use std::path::Path;

/// The lab's folders are given by whoever started this process; the rest is as in `busy`.
fn lab_at(folder: &Path) -> Lab {
    let mut lab = Lab::new();
    for number in [1, 2, 4] {
        lab.add(number, &raw(number));
    }
    for (number, server) in [(1, 1), (2, 2)] {
        lab.hold(image(number), ImageFormat::Raw, server);
    }
    lab.move_to(folder);
    lab
}

/// Run by the other test in a process of its own; does nothing else.
#[test]
fn one_pass_that_is_killed() {
    let Some((folder, at)) = given() else {
        return;
    };
    let mut lab = lab_at(&folder);
    lab.steps = killed_at(at);
    lab.keep();
}

#[test]
fn killed_in_front_of_every_change() {
    let mut killed = 0;
    for at in 0.. {
        let mut lab = Lab::new();
        for number in 1..=4 {
            lab.add(number, &raw(number));
        }
        lab.images.retain(|one| one.id != image(4));
        lab.keep();
        fs::remove_file(lab.base(image(1))).unwrap();
        fs::remove_file(lab.base(image(2))).unwrap();
        fs::write(lab.base(image(2)), b"damage").unwrap();
        lab.delete(image(3));

        let status = run_killed("crash::one_pass_that_is_killed", lab.folder.path(), at);
        for number in [1, 2, 4] {
            assert_eq!(fs::read(lab.store(image(number))).unwrap(), raw(number), "step {at}");
        }
        let after = lab_at(lab.folder.path());
        after.keep();
        for number in [1, 2, 4] {
            assert!(lab.is_linked(image(number)), "step {at}: image {number}");
        }
        assert_eq!(inode(&lab.base(image(3))), None, "step {at}");
        after.keep();
        assert_eq!(after.keep(), [], "step {at}");
        if status.success() {
            break;
        }
        killed += 1;
    }
    assert!(killed > 10, "{killed} steps only");
}
