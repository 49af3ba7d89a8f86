//! All that a user does with volumes, in one walk with the newest `openstack` client: on files, and again on a Ceph.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::CephCluster;
use hatchery_tests::{Guests, Openstack, Settings, World, eventually, wait_for, wait_until_gone};
use serde_json::Value;

/// Refused, and with these words.
fn refused(openstack: &Openstack, line: &[&str], why: &str) {
    let (ok, out, err) = openstack.try_run(line);
    assert!(!ok && err.contains(why), "{line:?}: {out}{err}");
}

/// The digest of a volume's bytes: that of an image made of it.
fn digest(openstack: &Openstack, volume: &str) -> String {
    let image = format!("of-{volume}");
    openstack.run(&["image", "create", "--volume", volume, "--disk-format", "raw", &image]);
    let shown = wait_for(openstack, &["image", "show", &image], "active");
    wait_for(openstack, &["volume", "show", volume], "available");
    let digest = shown["properties"]["os_hash_value"].as_str().unwrap().to_owned();
    assert_eq!(digest.len(), 128, "{shown}");
    digest
}

fn status(openstack: &Openstack, volume: &str) -> Value {
    openstack.json(&["volume", "show", volume])["status"].clone()
}

/// A guest boots from a volume, writes, and grows it; a snapshot becomes another guest's volume.
fn boot_write_and_grow(guests: &Guests) {
    let openstack = &guests.openstack;
    openstack.run(&["volume", "create", "root", "--size", "1", "--image", "tiny"]);
    wait_for(openstack, &["volume", "show", "root"], "available");
    let first = guests.boot("first", &["--volume", "root"]);
    refused(openstack, &["volume", "delete", "root"], "attached");
    guests.write(&first, "/dev/vda", "hatched");
    // Since 3.66 the client says nothing of force, and asks in an older version that needs it.
    let older = ["--os-volume-api-version", "3.60"];
    let line = ["volume", "snapshot", "create", "--volume", "root", "--force", "kept"];
    openstack.run(&[older.as_slice(), &line].concat());
    wait_for(openstack, &["volume", "snapshot", "show", "kept"], "available");
    guests.write(&first, "/dev/vda", "later");
    openstack.run(&["volume", "create", "second", "--snapshot", "kept"]);
    wait_for(openstack, &["volume", "show", "second"], "available");
    let second = guests.boot("second", &["--volume", "second"]);
    assert_eq!(guests.read(&second, "/dev/vda"), "hatched");
    assert_eq!(guests.read(&first, "/dev/vda"), "later");

    // A disk grows while the guest has it, and the guest sees that.
    openstack.run(&["volume", "create", "data", "--size", "1"]);
    wait_for(openstack, &["volume", "show", "data"], "available");
    openstack.run(&["server", "add", "volume", "first", "data"]);
    wait_for(openstack, &["volume", "show", "data"], "in-use");
    let sectors = |expected: &str| {
        eventually("the guest sees the disk's size", 60, || {
            match guests.run(&first, "cat /sys/block/vdb/size 2>/dev/null || true") {
                found if found == expected => Ok(()),
                found => Err(found),
            }
        });
    };
    sectors("2097152");
    guests.write(&first, "/dev/vdb", "grown");
    openstack.run(&["--os-volume-api-version", "3.60", "volume", "set", "--size", "2", "data"]);
    sectors("4194304");
    assert_eq!(guests.read(&first, "/dev/vdb"), "grown");
    let events = openstack.json(&["server", "event", "list", "first"]);
    let extended = events.as_array().unwrap().iter().find(|one| one["Action"] == "extend_volume");
    let request = extended.unwrap_or_else(|| panic!("{events}"))["Request ID"].as_str().unwrap();
    let event = openstack.json(&["server", "event", "show", "first", request]).to_string();
    assert!(event.contains("compute_extend_volume") && event.contains("Success"), "{event}");
    openstack.run(&["server", "remove", "volume", "first", "data"]);
    for server in ["first", "second"] {
        guests.delete(server);
    }
    for volume in ["root", "second", "data"] {
        wait_for(openstack, &["volume", "show", volume], "available");
    }
}

/// The volume is lost, and is what it was when it has been restored.
fn back_up_and_restore(openstack: &Openstack) {
    let before = digest(openstack, "root");
    assert_ne!(before, digest(openstack, "second"));
    openstack.run(&["volume", "backup", "create", "--name", "full", "root"]);
    wait_for(openstack, &["volume", "backup", "show", "full"], "available");
    let line = ["volume", "backup", "create", "--name", "more", "--incremental", "root"];
    openstack.run(&line);
    wait_for(openstack, &["volume", "backup", "show", "more"], "available");
    refused(openstack, &["volume", "delete", "root"], "snapshots");
    refused(openstack, &["volume", "backup", "delete", "full"], "Incremental backups exist");
    openstack.run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(openstack, &["volume", "snapshot", "list"]);
    openstack.run(&["volume", "delete", "root"]);
    openstack.run(&["volume", "backup", "restore", "more", "again"]);
    wait_for(openstack, &["volume", "show", "again"], "available");
    wait_for(openstack, &["volume", "backup", "show", "more"], "available");
    assert_eq!(digest(openstack, "again"), before);
    for backup in ["more", "full"] {
        openstack.run(&["volume", "backup", "delete", backup]);
        eventually(&format!("the backup {backup} is gone"), 90, || {
            let left = openstack.json(&["volume", "backup", "list"]).to_string();
            if left.contains(&format!("\"{backup}\"")) { Err(left) } else { Ok(()) }
        });
    }
}

/// Another project is given the restored volume, boots from it, and reads what was written.
fn transfer(guests: &Guests) {
    let openstack = &guests.openstack;
    let me = ["--os-username", "them", "--os-password", "secret", "--os-project-name", "theirs"];
    openstack.run(&["project", "create", "theirs"]);
    openstack.run(&["user", "create", "--password", "secret", "them"]);
    openstack.run(&["role", "add", "--user", "them", "--project", "theirs", "member"]);
    let offer = openstack.json(&["volume", "transfer", "request", "create", "again"]);
    refused(openstack, &["volume", "delete", "again"], "awaiting a transfer");
    let (id, key) = (offer["id"].as_str().unwrap(), offer["auth_key"].as_str().unwrap());
    let accept = ["volume", "transfer", "request", "accept", id, "--auth-key", key];
    openstack.run(&[&me[..], &accept].concat());
    let theirs = openstack.json(&[&me[..], &["volume", "list"]].concat());
    assert_eq!((&theirs[0]["Name"], theirs.as_array().unwrap().len()), (&"again".into(), 1));
    let (ok, ..) = openstack.try_run(&[&me[..], &["volume", "show", "second"]].concat());
    assert!(!ok, "of the other project");
    openstack.run(&[&me[..], &["volume", "delete", "again"]].concat());
    eventually("their volume is gone", 90, || {
        let left = openstack.json(&[&me[..], &["volume", "list"]].concat());
        if left.as_array().unwrap().is_empty() { Ok(()) } else { Err(left.to_string()) }
    });
}

/// The image of a volume boots without the volume.
fn boot_what_was_uploaded(guests: &Guests) {
    let openstack = &guests.openstack;
    openstack.run(&["volume", "delete", "second"]);
    let address = guests.boot("third", &["--image", "of-root"]);
    assert_eq!(guests.read(&address, "/dev/vda"), "later");
    guests.delete("third");
    assert_eq!(status(openstack, "data"), "available");
    openstack.run(&["volume", "delete", "data"]);
    for image in ["of-root", "of-second", "of-again", "tiny"] {
        openstack.run(&["image", "delete", image]);
    }
    wait_until_gone(openstack, &["volume", "list"]);
    wait_until_gone(openstack, &["image", "list"]);
}

fn walk(world: &World) {
    let guests = Guests::new(world);
    boot_write_and_grow(&guests);
    back_up_and_restore(&guests.openstack);
    transfer(&guests);
    boot_what_was_uploaded(&guests);
}

#[test]
fn on_files() {
    walk(&World::start(Settings::qemu()));
}

#[test]
fn on_ceph() {
    let Some(ceph) = CephCluster::start("on_ceph") else { return };
    let conf = ceph.conf();
    let conf = conf.display();
    let toml = format!(
        "[file]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{conf}\"\n\
         [glance_store]\ndefault_store = \"rbd\"\nrbd_store_user = \"glance\"\nrbd_store_ceph_conf = \"{conf}\"\n\
         [libvirt]\nimages_type = \"rbd\"\nimages_rbd_pool = \"vms\"\nrbd_user = \"cinder\"\n\
         images_rbd_ceph_conf = \"{conf}\"\nrbd_secret_uuid = \"457eb676-33da-42ec-9a8c-9293d545c337\"\n"
    );
    let default = format!(
        "backup_driver = \"ceph\"\nbackup_ceph_user = \"cinder-backup\"\nbackup_ceph_conf = \"{conf}\"\n"
    );
    eventually("the cluster tells what is free", 90, || {
        let df = ceph.ceph(&["df", "--format", "json"]);
        let told: Value = serde_json::from_str(&df).unwrap();
        let pools = told["pools"].as_array().unwrap();
        let free = |pool: &Value| pool["stats"]["max_avail"].as_u64().is_some_and(|free| free > 0);
        if pools.len() == 4 && pools.iter().all(free) { Ok(()) } else { Err(df) }
    });
    walk(&World::start(Settings { default, toml, ..Settings::qemu() }));
    for pool in ["volumes", "images", "vms", "backups"] {
        eventually(&format!("nothing is left in {pool}"), 120, || {
            let trash = ceph.rbd(&["trash", "ls", "--all", pool]);
            let left = [ceph.rbd(&["ls", pool]), trash].concat();
            if left.trim().is_empty() { Ok(()) } else { Err(left) }
        });
    }
}
