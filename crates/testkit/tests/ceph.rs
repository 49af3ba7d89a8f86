//! The Ceph that tests start: whole, each user with only its own rights, and gone without a trace.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use hatchery_testkit::{CephCluster, CephNode, POOLS};

#[test]
fn it_serves_its_users_and_leaves_nothing() {
    let Some(ceph) = CephCluster::start("the Ceph of the tests") else { return };
    let folder = ceph.path("");
    for pool in POOLS {
        ceph.rbd(&["create", "--size", "1M", &format!("{pool}/a")]);
    }
    for (user, mine, others) in [
        ("glance", &["images"][..], &["volumes", "vms", "backups"][..]),
        ("cinder", &["volumes", "vms"], &["backups"]),
        ("cinder-backup", &["backups"], &["images", "volumes", "vms"]),
    ] {
        let rbd = |words: &[&str]| ceph.node().run("rbd", &[&["--id", user], words].concat());
        for pool in mine {
            rbd(&["create", "--size", "1M", &format!("{pool}/{user}")]).unwrap();
        }
        for pool in others {
            assert!(rbd(&["info", &format!("{pool}/a")]).is_err(), "{user} in {pool}");
        }
    }
    let read_only = ceph.node().run("rbd", &["--id", "cinder", "create", "-s", "1M", "images/c"]);
    assert!(read_only.is_err() && ceph.rbd(&["--id", "cinder", "ls", "images"]).contains('a'));
    let daemons = ceph.node().daemons().unwrap();
    assert!(daemons.len() == 3 && daemons.iter().all(|daemon| daemon.memory_mib.is_some()));
    drop(ceph);
    assert!(!folder.exists());
    assert!(CephNode::new(&folder).daemons().unwrap().is_empty());
}

#[test]
fn what_was_written_outlives_a_stop_and_a_kill() {
    if !CephNode::missing().is_empty() {
        return;
    }
    let ceph = CephCluster::start_with("a Ceph on a file", |settings| {
        settings.store = hatchery_testkit::ObjectStore::Bluestore;
    })
    .unwrap();
    let settings = ceph.node().settings().unwrap().unwrap();
    ceph.rbd(&["create", "--size", "1M", "volumes/kept"]);
    ceph.node().down().unwrap();
    assert!(ceph.node().daemons().unwrap().iter().all(|daemon| daemon.memory_mib.is_none()));
    for _ in 0..2 {
        ceph.node().up(&settings).unwrap();
    }
    assert_eq!(ceph.rbd(&["ls", "volumes"]).trim(), "kept");
    for name in ["mon.a", "osd.0", "mgr.x"] {
        ceph.node().kill(name);
    }
    ceph.node().up(&settings).unwrap();
    assert_eq!(ceph.rbd(&["ls", "volumes"]).trim(), "kept");
}
