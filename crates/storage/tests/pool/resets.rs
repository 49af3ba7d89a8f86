//! Servers that wait for a lost base: known from before it is put back until somebody has helped them, whoever is killed meanwhile.

use crate::fixture::{Lab, block, census, given, image, killed_at, raw, run_killed};
use hatchery_model::base::{BaseLease, BaseName, LeaseHolder, ResetStep, ServerReset};
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::image::ImageFormat;
use hatchery_ports::base_pool::{BasePool, Pass};
use hatchery_storage::{Op, Steps};
use std::fs;
use std::io;
use std::path::Path;

fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.settings.remember_servers = true;
    lab
}

/// The servers that one more pass tells of.
fn waited(lab: &Lab) -> Vec<ServerReset> {
    block(lab.pool().keep(&lab.pass())).unwrap().resets
}

fn due(image: ImageId, server: ServerId) -> ServerReset {
    ServerReset { base: BaseName::of(image), server, step: ResetStep::Due }
}

#[test]
fn a_server_waits_until_it_is_helped_and_no_longer() {
    let mut lab = lab();
    let id = lab.add(1, &raw(1));
    let server = lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    assert_eq!(waited(&lab), []);
    fs::remove_file(lab.base(id)).unwrap();
    lab.keep();
    // Each pass tells of it, of new processes too.
    assert_eq!(waited(&lab), [due(id, server)]);
    assert_eq!(waited(&lab), [due(id, server)]);

    let begun = ServerReset {
        step: ResetStep::Begun { last_action: Some("req-1".into()) },
        ..due(id, server)
    };
    block(lab.pool().note_resets(std::slice::from_ref(&begun))).unwrap();
    assert_eq!(waited(&lab), [begun]);
    let done = ServerReset { step: ResetStep::Done, ..due(id, server) };
    block(lab.pool().note_resets(std::slice::from_ref(&done))).unwrap();
    assert_eq!(waited(&lab), []);
    // Of one that is not waited for nothing is written.
    let before = census(lab.folder.path());
    block(lab.pool().note_resets(&[done, due(id, server)])).unwrap();
    assert_eq!(census(lab.folder.path()), before);
    assert_eq!(waited(&lab), []);

    // What is lost anew makes it wait anew.
    fs::remove_file(lab.base(id)).unwrap();
    assert_eq!(waited(&lab), [due(id, server)]);
}

#[test]
fn nobody_waits_for_what_cannot_be_put_back_and_nobody_where_none_are_remembered() {
    let mut lab = lab();
    let id = lab.add(1, &raw(1));
    let server = lab.hold(id, ImageFormat::Raw, 1);
    lab.keep();
    fs::remove_file(lab.base(id)).unwrap();
    let target = lab.base(id);
    lab.steps = Steps::hooked(move |op| match op {
        Op::Rename(_, to) if to == target => Err(io::Error::from_raw_os_error(nix::libc::EIO)),
        _ => Ok(()),
    });
    assert_eq!(waited(&lab), [], "it would be rebooted on a base that is not there");
    lab.steps = Steps::default();
    assert_eq!(waited(&lab), [due(id, server)]);

    lab.settings.remember_servers = false;
    fs::remove_file(lab.base(id)).unwrap();
    assert_eq!(waited(&lab), []);
}

#[test]
fn a_base_that_was_lost_before_anybody_kept_the_pool_is_waited_for_too() {
    let mut lab = lab();
    let id = lab.add(1, &raw(1));
    let beside = ServerId(uuid::Uuid::from_u128(7));
    let holder = LeaseHolder::Disk {
        host: lab.path("instances").display().to_string(),
        disk: "disk".into(),
        server: Some(beside),
    };
    let lease = BaseLease { base: BaseName::of(id), holder, format: Some(ImageFormat::Raw) };
    lab.leases.get_or_insert_default().extend([lease]);
    // A disk of a host that is out of sight says nothing of this folder.
    lab.hold(id, ImageFormat::Raw, 1);
    assert_eq!(waited(&lab), [due(id, beside)]);
    assert!(lab.is_linked(id));
}

#[test]
fn a_link_in_between_leaves_a_lost_base_to_the_pass_which_knows_its_servers() {
    let mut lab = lab();
    let (lost, new) = (lab.add(1, &raw(1)), image(2));
    let server = lab.hold(lost, ImageFormat::Raw, 1);
    lab.keep();
    lab.add(2, &raw(2));
    fs::remove_file(lab.base(lost)).unwrap();
    let link = |number: usize| block(lab.pool().link(&lab.images[number])).unwrap();
    let report = link(0);
    assert!(report.pending && report.deeds.is_empty(), "{report:?}");
    assert!(!lab.base(lost).exists());
    assert!(!link(1).pending && lab.is_linked(new));
    assert_eq!(waited(&lab), [due(lost, server)]);
    assert!(!link(0).pending, "nothing of it is lost any more");
}

#[test]
fn a_pool_that_is_only_read_is_left_as_it_was() {
    let mut lab = lab();
    let (lost, gone) = (lab.add(1, &raw(1)), lab.add(2, &raw(2)));
    lab.hold(lost, ImageFormat::Raw, 1);
    lab.keep();
    fs::remove_file(lab.base(lost)).unwrap();
    lab.delete(gone);
    lab.add(3, &raw(3));
    // Litter of somebody who was killed, and no lock.
    let litter = lab.path("imagecache").join(format!(".link-{}", BaseName::of(gone)));
    fs::write(litter, b"").unwrap();
    fs::remove_file(lab.path("imagecache/.hatchery-pool.lock")).unwrap();
    let before = census(lab.folder.path());
    lab.settings.read_only = true;
    // Whoever calls may forget to say that it is a dry run.
    for dry_run in [true, false] {
        let report = block(lab.pool().keep(&Pass { dry_run, ..lab.pass() })).unwrap();
        assert!(report.deeds.len() >= 4, "{report:?}");
        assert_eq!(report.resets, []);
    }
    block(lab.pool().link(&lab.images[1])).unwrap();
    block(lab.pool().list(&lab.leases.clone().unwrap())).unwrap();
    assert_eq!(census(lab.folder.path()), before);
}

/// The lab's folders are given by whoever started this process.
fn lab_at(folder: &Path) -> Lab {
    let mut lab = lab();
    for number in [1, 2] {
        lab.add(number, &raw(number));
        lab.hold(image(number), ImageFormat::Raw, u128::from(number));
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
fn killed_in_front_of_every_change_no_server_is_forgotten() {
    let mut killed = 0;
    for at in 0.. {
        let mut lab = lab();
        for number in [1, 2] {
            lab.add(number, &raw(number));
        }
        lab.keep();
        // One lost, one changed.
        fs::remove_file(lab.base(image(1))).unwrap();
        fs::remove_file(lab.base(image(2))).unwrap();
        fs::write(lab.base(image(2)), b"damage").unwrap();

        let status = run_killed("resets::one_pass_that_is_killed", lab.folder.path(), at);
        let after = lab_at(lab.folder.path());
        let mut told = waited(&after);
        told.sort_by_key(|reset| reset.server);
        let expected = [1, 2]
            .map(|number| due(image(number), ServerId(uuid::Uuid::from_u128(u128::from(number)))));
        assert_eq!(told, expected, "killed in front of change {at}");
        if status.success() {
            break;
        }
        killed += 1;
    }
    assert!(killed > 8, "{killed} steps only");
}
