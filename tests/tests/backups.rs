//! Backups as a user has them: the newest `openstack` client, unchanged, against the running cloud; bytes compared by QEMU's tools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Openstack, Settings, World, eventually};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds until the agent has surely done an order.
const PATIENCE: u64 = 60;

fn wait_for(openstack: &Openstack, show: &[&str], status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), PATIENCE, || {
        let shown = openstack.json(show);
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

/// Where a volume's bytes are now, as an attachment tells.
fn file_of(admin: &Client, openstack: &Openstack, volume: &str) -> (PathBuf, String) {
    let id = openstack.json(&["volume", "show", volume])["id"].clone();
    let connector = json!({"host": "elsewhere", "mountpoint": "/dev/vdb"});
    let wanted = json!({"attachment": {"volume_uuid": id, "connector": connector}});
    let made = admin.volume("POST", "/attachments", &wanted).expect(200);
    let info = &made["attachment"]["connection_info"];
    let file = (
        PathBuf::from(info["device_path"].as_str().unwrap()),
        info["format"].as_str().unwrap().to_owned(),
    );
    let id = made["attachment"]["id"].as_str().unwrap();
    admin.volume("DELETE", &format!("/attachments/{id}"), &Value::Null).expect(200);
    wait_for(openstack, &["volume", "show", volume], "available");
    file
}

fn qemu_io(file: &(PathBuf, String), command: &str) -> (bool, String) {
    let out = Command::new("qemu-io").args(["-f", &file.1, "-c", command]).arg(&file.0).output();
    let out = out.unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    (out.status.success() && !said.contains("Pattern verification failed"), said)
}

fn write(file: &(PathBuf, String), at: &str, pattern: u8) {
    let (done, said) = qemu_io(file, &format!("write -P {pattern} {at} 64k"));
    assert!(done, "{said}");
}

fn holds(file: &(PathBuf, String), at: &str, pattern: u8) -> bool {
    qemu_io(file, &format!("read -P {pattern} {at} 64k")).0
}

fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

#[test]
fn a_volume_is_backed_up_lost_and_restored() {
    let world = World::start(Settings::sim());
    let (openstack, admin) = (world.openstack(), world.admin());
    openstack.run(&["volume", "create", "data", "--size", "1"]);
    wait_for(&openstack, &["volume", "show", "data"], "available");
    let file = file_of(&admin, &openstack, "data");
    write(&file, "0", 1);
    write(&file, "512M", 2);
    openstack.run(&["volume", "backup", "create", "--name", "full", "data"]);
    let full = wait_for(&openstack, &["volume", "backup", "show", "full"], "available");
    assert_eq!((&full["size"], &full["is_incremental"]), (&json!(1), &json!(false)), "{full}");

    // Changed, and gone on from: only what has changed is kept again.
    write(&file_of(&admin, &openstack, "data"), "512M", 3);
    openstack.run(&["volume", "backup", "create", "--name", "more", "--incremental", "data"]);
    let more = wait_for(&openstack, &["volume", "backup", "show", "more"], "available");
    assert_eq!(more["is_incremental"], json!(true), "{more}");
    let store = world.state().join("backups");
    let data = |shown: &Value| store.join(shown["id"].as_str().unwrap()).join("data");
    assert_eq!((size_of(&data(&full)), size_of(&data(&more))), (512 << 10, 256 << 10));
    let (ok, _, err) = openstack.try_run(&["volume", "backup", "delete", "full"]);
    assert!(!ok && err.contains("Incremental backups exist"), "{err}");

    // The volume is lost; both backups give back what it held then, on a new volume and on one that held something else.
    openstack.run(&["volume", "delete", "data"]);
    openstack.run(&["volume", "backup", "restore", "more", "again"]);
    wait_for(&openstack, &["volume", "show", "again"], "available");
    wait_for(&openstack, &["volume", "backup", "show", "more"], "available");
    let again = file_of(&admin, &openstack, "again");
    assert!(holds(&again, "0", 1) && holds(&again, "512M", 3) && holds(&again, "1M", 0));
    openstack.run(&["volume", "create", "other", "--size", "2"]);
    wait_for(&openstack, &["volume", "show", "other"], "available");
    write(&file_of(&admin, &openstack, "other"), "1M", 9);
    openstack.run(&["volume", "backup", "restore", "--force", "full", "other"]);
    wait_for(&openstack, &["volume", "show", "other"], "available");
    let other = file_of(&admin, &openstack, "other");
    assert!(holds(&other, "0", 1) && holds(&other, "512M", 2), "what was kept");
    assert!(holds(&other, "1M", 0), "what it held before is gone");

    openstack.run(&["volume", "backup", "delete", "more"]);
    eventually("only one backup is left", PATIENCE, || {
        let left = openstack.json(&["volume", "backup", "list"]);
        if left.as_array().unwrap().len() == 1 { Ok(()) } else { Err(left.to_string()) }
    });
    openstack.run(&["volume", "backup", "delete", "full"]);
    eventually("nothing is left in the store", PATIENCE, || {
        let names = std::fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = names.filter(|name| name != ".lock").collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

/// A kill of everything in the middle of a backup: it stands in the end, and what it kept is right.
#[test]
fn a_backup_goes_on_after_a_kill() {
    let mut world = World::start(Settings::sim());
    let (openstack, admin) = (world.openstack(), world.admin());
    openstack.run(&["volume", "create", "data", "--size", "1"]);
    wait_for(&openstack, &["volume", "show", "data"], "available");
    write(&file_of(&admin, &openstack, "data"), "256M", 7);
    let volume = openstack.json(&["volume", "show", "data"])["id"].clone();
    for _ in 0..3 {
        let body = json!({"backup": {"volume_id": volume, "name": "kept"}});
        let made = world.admin().volume("POST", "/backups", &body).expect(202);
        world.kill();
        world.up();
        let openstack = world.openstack();
        let id = made["backup"]["id"].as_str().unwrap();
        wait_for(&openstack, &["volume", "backup", "show", id], "available");
        wait_for(&openstack, &["volume", "show", "data"], "available");
        openstack.run(&["volume", "backup", "restore", id, &format!("from-{id}")]);
        let name = format!("from-{id}");
        wait_for(&openstack, &["volume", "show", &name], "available");
        let file = file_of(&world.admin(), &openstack, &name);
        assert!(holds(&file, "256M", 7) && holds(&file, "0", 0));
    }
}
