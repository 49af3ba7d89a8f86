//! A volume in another one's place while the guest runs. Real guests; the call that no client makes for its user is made by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Openstack, Settings, Ssh, World, boot_image, eventually, wait_for};
use serde_json::json;
use std::fs;

/// Near the end of 1 GiB.
const FAR: u32 = 2_000_000;

/// How often its guest has said that it is ready: the console's log goes on over its starts.
fn ready(openstack: &Openstack, times: usize) {
    eventually("the guest is ready", 180, || {
        let log = openstack.run(&["console", "log", "show", "one"]);
        if log.matches("TINY-READY").count() >= times { Ok(()) } else { Err(log) }
    });
}

fn write(key: &Ssh, address: &str, text: &str) {
    let line = format!("echo {text} | dd of=/dev/vdb seek={FAR} conv=notrunc 2>/dev/null && sync");
    key.run(address, &line);
}

/// Has the guest read what the disk holds, and not what it remembers of it.
fn forget(key: &Ssh, address: &str) {
    key.run(address, "echo 3 > /proc/sys/vm/drop_caches");
}

fn read(key: &Ssh, address: &str) -> String {
    forget(key, address);
    let line = format!("dd if=/dev/vdb skip={FAR} count=1 2>/dev/null | head -n 1");
    key.run(address, &line)
}

struct Scene {
    key: Ssh,
    address: String,
    server: String,
}

/// A server `one` with the volume `a`, and the volumes `b` and `c` beside.
fn prepared(world: &World) -> Scene {
    let (openstack, key) = (world.openstack(), Ssh::new(world.state()));
    let (file, public) = (boot_image(), key.public_file());
    let file = file.to_str().unwrap();
    openstack.run(&["image", "create", "tiny", "--file", file, "--disk-format", "qcow2"]);
    openstack.run(&["flavor", "create", "small", "--ram", "192", "--disk", "1", "--vcpus", "1"]);
    openstack.run(&["keypair", "create", "mine", "--public-key", public.to_str().unwrap()]);
    for (name, size) in [("a", "2"), ("b", "2"), ("c", "2"), ("small", "1"), ("large", "3")] {
        openstack.run(&["volume", "create", name, "--size", size]);
        wait_for(&openstack, &["volume", "show", name], "available");
    }
    let line = ["server", "create", "one", "--flavor", "small", "--key-name", "mine"];
    openstack.run(&[&line[..], &["--network", "private", "--image", "tiny"]].concat());
    let shown = wait_for(&openstack, &["server", "show", "one"], "ACTIVE");
    ready(&openstack, 1);
    let networks = shown["addresses"].as_object().unwrap();
    let address = networks.values().next().unwrap()[0].as_str().unwrap().to_owned();
    openstack.run(&["server", "add", "volume", "one", "a"]);
    wait_for(&openstack, &["volume", "show", "a"], "in-use");
    eventually("the guest sees it", 60, || match key.run(&address, "cat /proc/partitions") {
        text if text.contains("vdb") => Ok(()),
        text => Err(text),
    });
    Scene { key, address, server: shown["id"].as_str().unwrap().to_owned() }
}

fn id(openstack: &Openstack, volume: &str) -> String {
    openstack.json(&["volume", "show", volume])["id"].as_str().unwrap().to_owned()
}

/// Asks for `new` in the place of `old`.
fn swap(world: &World, scene: &Scene, admin: &Client, (old, new): (&str, &str)) -> u16 {
    let openstack = world.openstack();
    let path = format!(
        "/compute/v2.1/servers/{}/os-volume_attachments/{}",
        scene.server,
        id(&openstack, old)
    );
    let body = json!({"volumeAttachment": {"volumeId": id(&openstack, new)}});
    admin.raw("PUT", &path, body.to_string().as_bytes(), "application/json").status
}

#[test]
fn a_running_guest_goes_over_to_another_volume() {
    let mut world = World::start(Settings::qemu());
    let scene = prepared(&world);
    let (key, address) = (&scene.key, scene.address.as_str());
    let (openstack, admin) = (world.openstack(), world.admin());
    write(key, address, "before");
    for refused in ["small", "large"] {
        assert_eq!(swap(&world, &scene, &admin, ("a", refused)), 400, "{refused}");
    }
    assert_eq!(swap(&world, &scene, &admin, ("a", "b")), 202);
    // The guest writes while it is copied.
    key.run(address, "dd if=/dev/urandom of=/dev/vdb bs=1M seek=100 count=64 conv=notrunc && sync");
    let sum = || key.run(address, "dd if=/dev/vdb bs=1M skip=100 count=64 2>/dev/null | md5sum");
    let wanted = sum();
    let b = wait_for(&openstack, &["volume", "show", "b"], "in-use");
    wait_for(&openstack, &["volume", "show", "a"], "available");
    assert_eq!(b["attachments"][0]["device"], "/dev/vdb", "{b}");
    assert_eq!(read(key, address), "before");
    assert_eq!(sum(), wanted);
    let listed = openstack.json(&["server", "volume", "list", "one"]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let events = openstack.json(&["server", "event", "list", "one"]);
    assert!(
        events.as_array().unwrap().iter().any(|one| one["Action"] == "swap_volume"),
        "{events}"
    );
    openstack.run(&["volume", "delete", "a"]);
    write(key, address, "between");

    // The cloud is killed over the second one; QEMU goes on, and the next cloud asks it.
    assert_eq!(swap(&world, &scene, &admin, ("b", "c")), 202);
    world.kill();
    write(key, address, "during");
    world.up();
    let openstack = world.openstack();
    wait_for(&openstack, &["volume", "show", "c"], "in-use");
    wait_for(&openstack, &["volume", "show", "b"], "available");
    assert_eq!(read(key, address), "during");
    write(key, address, "after");

    // From its next start on it has the new one and no other.
    openstack.run(&["server", "reboot", "--hard", "one"]);
    wait_for(&openstack, &["server", "show", "one"], "ACTIVE");
    ready(&openstack, 2);
    assert_eq!(read(key, address), "after");
    let folder = world.state().join("instances").join(&scene.server);
    let definition = fs::read_to_string(folder.join("definition.json")).unwrap();
    assert!(
        definition.contains(&id(&openstack, "c")) && !definition.contains(&id(&openstack, "b"))
    );
    openstack.run(&["server", "stop", "one"]);
    wait_for(&openstack, &["server", "show", "one"], "SHUTOFF");
    assert_eq!(swap(&world, &scene, &world.admin(), ("c", "b")), 409);
    openstack.run(&["server", "delete", "one", "--wait"]);
    wait_for(&openstack, &["volume", "show", "c"], "available");
}
