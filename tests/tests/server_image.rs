//! Images of servers that boot from a volume: the newest `openstack` client, unchanged, against the running cloud.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Openstack, Settings, World, eventually};
use serde_json::{Value, json};

fn wait_for(openstack: &Openstack, show: &[&str], status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), 90, || {
        let shown = openstack.json(show);
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

fn count(openstack: &Openstack, list: &[&str]) -> usize {
    openstack.json(list).as_array().unwrap().len()
}

#[test]
fn a_server_that_boots_from_a_volume_becomes_an_image_and_a_server_again() {
    let world = World::start(Settings::sim());
    let openstack = world.openstack();
    openstack.run(&["flavor", "create", "small", "--ram", "192", "--disk", "1", "--vcpus", "1"]);
    for name in ["root", "more"] {
        openstack.run(&["volume", "create", name, "--size", "1"]);
        wait_for(&openstack, &["volume", "show", name], "available");
    }
    openstack.run(&["volume", "set", "--bootable", "root"]);
    openstack.run(&["volume", "set", "--image-property", "hw_disk_bus=scsi", "root"]);
    let line = ["server", "create", "first", "--flavor", "small", "--network", "private"];
    openstack.run(&[&line[..], &["--volume", "root"]].concat());
    wait_for(&openstack, &["server", "show", "first"], "ACTIVE");
    openstack.run(&["server", "add", "volume", "first", "more"]);
    wait_for(&openstack, &["volume", "show", "more"], "in-use");

    openstack.run(&["server", "stop", "first"]);
    wait_for(&openstack, &["server", "show", "first"], "SHUTOFF");
    let line = ["server", "image", "create", "first", "--name", "golden", "--wait"];
    openstack.run(&[&line[..], &["--property", "purpose=tests"]].concat());
    let image = wait_for(&openstack, &["image", "show", "golden"], "active");
    let said = &image["properties"];
    assert_eq!((&image["size"], &said["bdm_v2"]), (&json!(0), &json!("True")), "{image}");
    assert_eq!(said["root_device_name"], "/dev/vda", "{image}");
    assert_eq!((&said["hw_disk_bus"], &said["purpose"]), (&json!("scsi"), &json!("tests")));
    let disks: Value =
        serde_json::from_str(said["block_device_mapping"].as_str().unwrap()).unwrap();
    let kinds: Vec<_> = disks.as_array().unwrap().iter().map(|one| &one["source_type"]).collect();
    assert_eq!(kinds, [&json!("snapshot"); 2], "{disks}");
    assert_eq!((&disks[0]["boot_index"], &disks[0]["volume_size"]), (&json!(0), &json!(1)));
    for disk in disks.as_array().unwrap() {
        let id = disk["snapshot_id"].as_str().unwrap();
        let snapshot = wait_for(&openstack, &["volume", "snapshot", "show", id], "available");
        assert_eq!(snapshot["name"], "snapshot for golden", "{snapshot}");
    }

    // A server of the image has volumes of its own, made of those snapshots; so has a volume of it.
    let line = ["server", "create", "second", "--flavor", "small", "--network", "private"];
    openstack.run(&[&line[..], &["--image", "golden"]].concat());
    let second = wait_for(&openstack, &["server", "show", "second"], "ACTIVE");
    let volumes = second["volumes_attached"].as_array().unwrap();
    assert_eq!(volumes.len(), 2, "{second}");
    for (volume, disk) in volumes.iter().zip(disks.as_array().unwrap()) {
        let shown = openstack.json(&["volume", "show", volume["id"].as_str().unwrap()]);
        assert_eq!(shown["snapshot_id"], disk["snapshot_id"], "{shown}");
    }
    openstack.run(&["volume", "create", "third", "--size", "1", "--image", "golden"]);
    let third = wait_for(&openstack, &["volume", "show", "third"], "available");
    assert_eq!(third["snapshot_id"], disks[0]["snapshot_id"], "{third}");
    // The image goes; the snapshots stay, as with Nova.
    openstack.run(&["image", "delete", "golden"]);
    assert_eq!(count(&openstack, &["volume", "snapshot", "list"]), 2);
}
