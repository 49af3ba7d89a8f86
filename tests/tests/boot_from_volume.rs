//! Real guests that boot from volumes, and get and lose them while they run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Openstack, Settings, Ssh, World, boot_image, eventually};
use serde_json::Value;

/// Where nothing of the image lies: a sector near the end of 1 GiB.
const FAR: u32 = 2_000_000;

fn wait_for(openstack: &Openstack, show: &[&str], status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), 120, || {
        let shown = openstack.json(show);
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

fn wait_until_gone(openstack: &Openstack, list: &[&str]) {
    eventually(&format!("{list:?} is empty"), 120, || {
        let left = openstack.json(list);
        if left.as_array().unwrap().is_empty() { Ok(()) } else { Err(left.to_string()) }
    });
}

/// A cloud with the image `tiny`, the flavor `small` and the key `mine`.
fn prepared(world: &World) -> Ssh {
    let (openstack, key) = (world.openstack(), Ssh::new(world.state()));
    let (file, public) = (boot_image(), key.public_file());
    let file = file.to_str().unwrap();
    openstack.run(&["image", "create", "tiny", "--file", file, "--disk-format", "qcow2"]);
    openstack.run(&["flavor", "create", "small", "--ram", "192", "--disk", "1", "--vcpus", "1"]);
    openstack.run(&["keypair", "create", "mine", "--public-key", public.to_str().unwrap()]);
    key
}

/// Makes a server with a few more words on the command line, and waits until its guest can be logged in to. Its address.
fn boot(openstack: &Openstack, name: &str, more: &[&str]) -> String {
    let mut line = vec!["server", "create", name, "--flavor", "small", "--key-name", "mine"];
    line.extend(["--network", "private"]);
    line.extend(more);
    openstack.run(&line);
    let shown = wait_for(openstack, &["server", "show", name], "ACTIVE");
    ready(openstack, name, 1);
    let networks = shown["addresses"].as_object().unwrap();
    networks.values().next().unwrap()[0].as_str().unwrap().to_owned()
}

/// How often its guest has said that it is ready: the console's log goes on over its starts.
fn times_ready(openstack: &Openstack, name: &str) -> usize {
    openstack.run(&["console", "log", "show", name]).matches("TINY-READY").count()
}

/// Waits until its guest has said so often that it is ready.
fn ready(openstack: &Openstack, name: &str, times: usize) {
    eventually("the guest is ready", 180, || match times_ready(openstack, name) {
        found if found >= times => Ok(()),
        found => Err(found.to_string()),
    });
}

/// Starts or reboots a server by these words, and waits until its guest can be logged in to again.
fn again(openstack: &Openstack, name: &str, words: &[&str]) {
    let before = times_ready(openstack, name);
    openstack.run(&[words, &[name]].concat());
    wait_for(openstack, &["server", "show", name], "ACTIVE");
    ready(openstack, name, before + 1);
}

fn delete(openstack: &Openstack, name: &str) {
    openstack.run(&["server", "delete", name, "--wait"]);
}

fn write(key: &Ssh, address: &str, disk: &str, text: &str) {
    let line = format!("echo {text} | dd of={disk} seek={FAR} conv=notrunc 2>/dev/null && sync");
    key.run(address, &line);
}

fn read(key: &Ssh, address: &str, disk: &str) -> String {
    let line = format!("dd if={disk} skip={FAR} count=1 2>/dev/null | head -n 1");
    key.run(address, &line)
}

#[test]
fn what_a_guest_wrote_on_its_root_volume_boots_again_from_a_snapshot() {
    let world = World::start(Settings::qemu());
    let openstack = world.openstack();
    let key = prepared(&world);
    openstack.run(&["volume", "create", "root", "--size", "1", "--image", "tiny"]);
    wait_for(&openstack, &["volume", "show", "root"], "available");
    let first = boot(&openstack, "first", &["--volume", "root"]);
    let shown = openstack.json(&["server", "show", "first"]);
    let root = openstack.json(&["volume", "show", "root"]);
    assert_eq!(root["status"], "in-use", "{root}");
    assert_eq!(shown["volumes_attached"][0]["id"], root["id"], "{shown}");
    assert!(shown["image"].as_str().unwrap().contains("booted from volume"), "{shown}");
    let (ok, _, err) = openstack.try_run(&["server", "remove", "volume", "first", "root"]);
    assert!(!ok && err.contains("root device"), "{err}");
    write(&key, &first, "/dev/vda", "hatched");
    // A volume of files has no snapshot made of it while a guest has it open.
    openstack.run(&["server", "stop", "first"]);
    wait_for(&openstack, &["server", "show", "first"], "SHUTOFF");
    // Since 3.66 the client says nothing of force, and asks in an older version that needs it.
    let older = ["--os-volume-api-version", "3.60"];
    let line = ["volume", "snapshot", "create", "--volume", "root", "--force", "kept"];
    openstack.run(&[older.as_slice(), &line].concat());
    wait_for(&openstack, &["volume", "snapshot", "show", "kept"], "available");
    again(&openstack, "first", &["server", "start"]);
    write(&key, &first, "/dev/vda", "later");
    openstack.run(&["volume", "create", "second", "--snapshot", "kept"]);
    wait_for(&openstack, &["volume", "show", "second"], "available");
    let second = boot(&openstack, "second", &["--volume", "second"]);
    assert_eq!(read(&key, &second, "/dev/vda"), "hatched");
    assert_eq!(read(&key, &first, "/dev/vda"), "later");

    // After a reboot it has the disk that it had.
    again(&openstack, "first", &["server", "reboot", "--hard"]);
    assert_eq!(read(&key, &first, "/dev/vda"), "later");
    delete(&openstack, "first");
    delete(&openstack, "second");
    for name in ["root", "second"] {
        wait_for(&openstack, &["volume", "show", name], "available");
    }
    openstack.run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(&openstack, &["volume", "snapshot", "list"]);
    openstack.run(&["volume", "delete", "root", "second"]);
    wait_until_gone(&openstack, &["volume", "list"]);
}

#[test]
fn a_running_guest_gets_a_volume_and_gives_it_back() {
    let world = World::start(Settings::qemu());
    let openstack = world.openstack();
    let key = prepared(&world);
    let line = ["--image", "tiny", "--boot-from-volume", "1"];
    let address = boot(&openstack, "one", &line);
    let own = openstack.json(&["volume", "list"]);
    assert_eq!(own.as_array().unwrap().len(), 1, "{own}");
    openstack.run(&["volume", "create", "data", "--size", "1"]);
    wait_for(&openstack, &["volume", "show", "data"], "available");
    openstack.run(&["server", "add", "volume", "one", "data"]);
    let data = wait_for(&openstack, &["volume", "show", "data"], "in-use");
    assert_eq!(data["attachments"][0]["device"], "/dev/vdb", "{data}");
    let listed = openstack.json(&["server", "volume", "list", "one"]);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    eventually("the guest sees it", 60, || match key.run(&address, "cat /proc/partitions") {
        text if text.contains("vdb") => Ok(()),
        text => Err(text),
    });
    write(&key, &address, "/dev/vdb", "kept");
    let (ok, _, err) = openstack.try_run(&["volume", "delete", "data"]);
    assert!(!ok && err.contains("attached"), "{err}");
    openstack.run(&["server", "remove", "volume", "one", "data"]);
    wait_for(&openstack, &["volume", "show", "data"], "available");
    eventually("the guest has let go of it", 60, || {
        match key.run(&address, "cat /proc/partitions") {
            text if text.contains("vdb") => Err(text),
            _ => Ok(()),
        }
    });
    // Plugged while the server is off, it is there when that is on again.
    openstack.run(&["server", "stop", "one"]);
    wait_for(&openstack, &["server", "show", "one"], "SHUTOFF");
    openstack.run(&["server", "add", "volume", "one", "data"]);
    wait_for(&openstack, &["volume", "show", "data"], "in-use");
    again(&openstack, "one", &["server", "start"]);
    assert_eq!(read(&key, &address, "/dev/vdb"), "kept");
    delete(&openstack, "one");
    wait_for(&openstack, &["volume", "show", "data"], "available");
    openstack.run(&["volume", "delete", "data"]);
}
