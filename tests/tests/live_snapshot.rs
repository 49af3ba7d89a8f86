//! What a running guest has written, put aside while it runs: images of its own disk, snapshots of its volumes. Real guests, the newest `openstack`
//! client, unchanged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Guests, Openstack, Settings, World, eventually, wait_for};
use serde_json::{Value, json};

/// Since 3.66 the client says nothing of force, and asks in an older version that needs it.
const OLDER: [&str; 2] = ["--os-volume-api-version", "3.60"];

/// Plugs a volume in, and waits until the guest sees it under this name.
fn plug(guests: &Guests, address: &str, volume: &str, device: &str) {
    let openstack = &guests.openstack;
    openstack.run(&["server", "add", "volume", "first", volume]);
    wait_for(openstack, &["volume", "show", volume], "in-use");
    eventually("the guest sees it", 60, || match guests.run(address, "cat /proc/partitions") {
        text if text.contains(device) => Ok(()),
        text => Err(text),
    });
}

#[test]
fn the_disk_of_a_running_server_becomes_an_image_that_boots() {
    let mut world = World::start(Settings::qemu());
    let guests = Guests::new(&world);
    let openstack = &guests.openstack;
    openstack.run(&["image", "set", "tiny", "--property", "os_distro=tiny"]);
    let first = guests.boot("first", &["--image", "tiny"]);
    guests.write(&first, "/dev/vda", "one");
    openstack.run(&["server", "image", "create", "first", "--name", "live"]);
    let busy = openstack.json(&["server", "show", "first"]);
    let task = busy["OS-EXT-STS:task_state"].as_str().unwrap_or_default().to_owned();
    assert!(task.is_empty() || task.starts_with("image_"), "{busy}");
    let image = wait_for(openstack, &["image", "show", "live"], "active");
    guests.write(&first, "/dev/vda", "two");
    let server = openstack.json(&["server", "show", "first"]);
    let said = &image["properties"];
    assert_eq!(said["instance_uuid"], server["id"], "{image}");
    let tiny = openstack.json(&["image", "show", "tiny"]);
    assert_eq!(said["base_image_ref"], tiny["id"], "{image}");
    assert_eq!(
        (&said["image_type"], &said["image_location"]),
        (&json!("snapshot"), &json!("snapshot"))
    );
    assert_eq!(said["os_distro"], "tiny", "{image}");
    // The client takes it for the owner, and shows it there.
    let raw = world.admin().get(&format!("/image/v2/images/{}", image["id"].as_str().unwrap()));
    assert_eq!(raw.expect(200)["owner_id"], server["project_id"]);
    assert_eq!(
        (&image["min_disk"], &image["disk_format"]),
        (&json!(1), &json!("qcow2")),
        "{image}"
    );
    assert_eq!(image["visibility"], "private", "{image}");
    let events = openstack.json(&["server", "event", "list", "first"]);
    let event = events.as_array().unwrap().iter().find(|one| one["Action"] == "createImage");
    assert!(event.is_some(), "{events}");

    // What the cloud is killed over is done by the next one, and the guest goes on.
    openstack.run(&["server", "image", "create", "first", "--name", "late"]);
    world.kill();
    world.up();
    wait_for(openstack, &["image", "show", "late"], "active");
    let server = openstack.json(&["server", "show", "first"]);
    assert_eq!(server["OS-EXT-STS:task_state"], Value::Null, "{server}");
    assert_eq!(guests.read(&first, "/dev/vda"), "two");
    let folder = world.state().join("instances").join(server["id"].as_str().unwrap());
    assert!(!folder.join("snapshot").exists());

    // Of one that does not run, its disk is read.
    openstack.run(&["server", "stop", "first"]);
    wait_for(openstack, &["server", "show", "first"], "SHUTOFF");
    openstack.run(&["server", "image", "create", "first", "--name", "off", "--wait"]);
    for (image, wanted) in [("live", "one"), ("off", "two")] {
        let address = guests.boot(image, &["--image", image]);
        assert_eq!(guests.read(&address, "/dev/vda"), wanted);
        openstack.run(&["server", "delete", image, "--wait"]);
    }
}

#[test]
fn volumes_that_a_guest_has_open_are_put_aside_as_they_are() {
    let mut world = World::start(Settings::qemu());
    let guests = Guests::new(&world);
    let openstack = &guests.openstack;
    let first = guests.boot("first", &["--image", "tiny", "--boot-from-volume", "1"]);
    openstack.run(&["volume", "create", "data", "--size", "1"]);
    wait_for(openstack, &["volume", "show", "data"], "available");
    plug(&guests, &first, "data", "vdb");
    guests.write(&first, "/dev/vdb", "one");
    let snapshot = |openstack: &Openstack, name: &str| {
        let line = ["volume", "snapshot", "create", "--volume", "data", "--force", name];
        openstack.run(&[OLDER.as_slice(), &line].concat());
    };
    snapshot(openstack, "kept");
    wait_for(openstack, &["volume", "snapshot", "show", "kept"], "available");
    guests.write(&first, "/dev/vdb", "two");
    // The cloud is killed over the next one, which is made all the same.
    snapshot(openstack, "late");
    world.kill();
    world.up();
    wait_for(openstack, &["volume", "snapshot", "show", "late"], "available");
    guests.write(&first, "/dev/vdb", "three");
    for (name, device, wanted) in [("kept", "vdc", "one"), ("late", "vdc", "two")] {
        openstack.run(&["volume", "create", name, "--snapshot", name]);
        wait_for(openstack, &["volume", "show", name], "available");
        plug(&guests, &first, name, device);
        assert_eq!(guests.read(&first, &format!("/dev/{device}")), wanted);
        openstack.run(&["server", "remove", "volume", "first", name]);
        wait_for(openstack, &["volume", "show", name], "available");
    }
    assert_eq!(guests.read(&first, "/dev/vdb"), "three");

    // An image of the server as it runs.
    guests.write(&first, "/dev/vda", "root");
    openstack.run(&["server", "image", "create", "first", "--name", "golden", "--wait"]);
    let image = openstack.json(&["image", "show", "golden"]);
    let said = image["properties"]["block_device_mapping"].as_str().unwrap();
    let disks: Value = serde_json::from_str(said).unwrap();
    for disk in disks.as_array().unwrap() {
        let id = disk["snapshot_id"].as_str().unwrap();
        wait_for(openstack, &["volume", "snapshot", "show", id], "available");
    }
    let second = guests.boot("second", &["--image", "golden"]);
    assert_eq!(guests.read(&second, "/dev/vda"), "root");
    assert_eq!(guests.read(&second, "/dev/vdb"), "three");
    for name in ["first", "second"] {
        openstack.run(&["server", "delete", name, "--wait"]);
    }
    // Nothing is left of a snapshot that goes, and what was made of it stays.
    openstack.run(&["volume", "snapshot", "delete", "kept", "late"]);
    eventually("they are gone", 60, || {
        let left = openstack.json(&["volume", "snapshot", "list"]);
        if left.as_array().unwrap().len() == disks.as_array().unwrap().len() {
            Ok(())
        } else {
            Err(left.to_string())
        }
    });
}
