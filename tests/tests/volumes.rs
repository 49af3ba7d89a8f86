//! Volumes as a user has them: the newest `openstack` client and `openstacksdk`, unchanged, against the running cloud.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Openstack, Settings, World, eventually};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds until the agent has surely done a small order.
const PATIENCE: u64 = 60;

fn names(list: &Value, field: &str) -> Vec<String> {
    let rows = list.as_array().unwrap();
    rows.iter().map(|row| row[field].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits until a thing of the block storage service has this status.
fn wait_for(openstack: &Openstack, show: &[&str], status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), PATIENCE, || {
        let shown = openstack.json(show);
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

fn wait_until_gone(openstack: &Openstack, list: &[&str]) {
    eventually(&format!("{list:?} is empty"), PATIENCE, || {
        let left = openstack.json(list);
        if left.as_array().unwrap().is_empty() { Ok(()) } else { Err(left.to_string()) }
    });
}

/// A raw image of 3 MiB that is not all zeros.
fn raw_image(world: &World) -> PathBuf {
    let path = world.state().join("pattern.raw");
    let bytes: Vec<u8> =
        (0..3u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(&path, bytes).unwrap();
    path
}

/// Where a volume's bytes are, as an attachment tells.
fn file_of(admin: &Client, volume: &str) -> (PathBuf, String) {
    let wanted = json!({"attachment": {
        "volume_uuid": volume,
        "connector": {"host": "elsewhere", "mountpoint": "/dev/vdb"},
    }});
    let made = admin.volume("POST", "/attachments", &wanted).expect(200);
    let info = &made["attachment"]["connection_info"];
    let text = |key: &str| info[key].as_str().unwrap_or_else(|| panic!("{key}: {made}")).to_owned();
    let (path, format) = (PathBuf::from(text("device_path")), text("format"));
    let id = made["attachment"]["id"].as_str().unwrap();
    admin.volume("DELETE", &format!("/attachments/{id}"), &Value::Null).expect(200);
    (path, format)
}

/// Whether both hold the same bytes, zeros at the end left out.
fn same_bytes(a: (&Path, &str), b: (&Path, &str)) -> bool {
    let out = Command::new("qemu-img")
        .args(["compare", "-f", a.1, "-F", b.1])
        .args([a.0, b.0])
        .output()
        .unwrap();
    assert!(matches!(out.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&out.stderr));
    out.status.code() == Some(0)
}

fn write(volume: (&Path, &str), at: &str, pattern: u8) {
    let command = format!("write -P {pattern} {at} 64k");
    let out = Command::new("qemu-io").args(["-f", volume.1, "-c", &command]).arg(volume.0).output();
    let out = out.unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn the_client_walks_from_an_empty_volume_to_a_clone() {
    let world = World::start(Settings::sim());
    let openstack = world.openstack();
    assert_eq!(names(&openstack.json(&["volume", "type", "list"]), "Name"), ["__DEFAULT__"]);

    let line = ["volume", "create", "disk", "--size", "1", "--property", "colour=red"];
    let made = openstack.json(&line);
    assert_eq!((&made["size"], &made["type"]), (&json!(1), &json!("__DEFAULT__")), "{made}");
    let disk = wait_for(&openstack, &["volume", "show", "disk"], "available");
    assert_eq!(disk["bootable"], json!(false), "{disk}");
    openstack.run(&[
        "volume",
        "set",
        "disk",
        "--name",
        "data",
        "--description",
        "mine",
        "--property",
        "a=b",
    ]);
    let shown = openstack.json(&["volume", "show", "data"]);
    assert_eq!(shown["description"], "mine");
    assert_eq!(shown["properties"], json!({"a": "b", "colour": "red"}));
    openstack.run(&["volume", "unset", "data", "--property", "a"]);
    openstack.run(&["volume", "set", "data", "--size", "2"]);
    let grown = eventually("the volume has 2 GiB", PATIENCE, || {
        let shown = openstack.json(&["volume", "show", "data"]);
        if shown["status"] == "available" && shown["size"] == 2 {
            Ok(shown)
        } else {
            Err(shown.to_string())
        }
    });
    assert_eq!(grown["properties"], json!({"colour": "red"}));

    let snapshot = openstack.json(&["volume", "snapshot", "create", "--volume", "data", "kept"]);
    assert_eq!(snapshot["size"], 2, "{snapshot}");
    wait_for(&openstack, &["volume", "snapshot", "show", "kept"], "available");
    assert_eq!(names(&openstack.json(&["volume", "snapshot", "list"]), "Name"), ["kept"]);
    let (ok, _, err) = openstack.try_run(&["volume", "delete", "data"]);
    assert!(!ok && err.contains("have snapshots"), "{err}");
    openstack.run(&["volume", "create", "--snapshot", "kept", "from-snapshot"]);
    openstack.run(&["volume", "create", "--source", "data", "from-volume"]);
    for name in ["from-snapshot", "from-volume"] {
        let made = wait_for(&openstack, &["volume", "show", name], "available");
        assert_eq!(made["size"], 2, "{made}");
    }
    openstack.run(&["volume", "revert", "kept"]);
    wait_for(&openstack, &["volume", "show", "data"], "available");
    openstack.run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(&openstack, &["volume", "snapshot", "list"]);
    openstack.run(&["volume", "delete", "data", "from-snapshot", "from-volume"]);
    wait_until_gone(&openstack, &["volume", "list"]);
    no_files_are_left(&world);
    administer(&openstack);
}

/// What only administrators see.
fn administer(openstack: &Openstack) {
    let services = openstack.json(&["volume", "service", "list"]);
    assert_eq!(names(&services, "Binary"), ["cinder-volume"]);
    assert_eq!(names(&services, "State"), ["up"]);
    let host = services[0]["Host"].as_str().unwrap();
    openstack.run(&["volume", "service", "set", "--disable", host, "cinder-volume"]);
    let services = openstack.json(&["volume", "service", "list"]);
    assert_eq!(names(&services, "Status"), ["disabled"]);
    openstack.run(&["volume", "service", "set", "--enable", host, "cinder-volume"]);
    let pools = openstack.json(&["volume", "backend", "pool", "list"]);
    assert!(pools[0]["Name"].as_str().unwrap().starts_with(host), "{pools}");
    openstack.run(&["volume", "type", "create", "fast", "--property", "volume_backend_name=none"]);
    let shown = openstack.json(&["volume", "type", "show", "fast"]);
    assert_eq!(shown["properties"], json!({"volume_backend_name": "none"}), "{shown}");
    // Of a type that no backend serves nothing can be made, and its user is told why.
    openstack.run(&["volume", "create", "nowhere", "--size", "1", "--type", "fast"]);
    wait_for(openstack, &["volume", "show", "nowhere"], "error");
    let messages = openstack.json(&["--os-volume-api-version", "3.5", "volume", "message", "list"]);
    assert!(!messages.as_array().unwrap().is_empty(), "no message");
    openstack.run(&["volume", "delete", "nowhere"]);
    wait_until_gone(openstack, &["volume", "list"]);
    openstack.run(&["volume", "type", "delete", "fast"]);
    openstack.run(&["quota", "set", "--volumes", "0", "admin"]);
    let (ok, _, err) = openstack.try_run(&["volume", "create", "much", "--size", "1"]);
    assert!(!ok && err.contains("Maximum number of volumes allowed (0)"), "{err}");
    assert!(openstack.json(&["volume", "list"]).as_array().unwrap().is_empty());
}

/// Nothing but folders is where volumes were.
fn no_files_are_left(world: &World) {
    let left = eventually("no bytes of a volume are left", PATIENCE, || {
        let out = Command::new("find")
            .arg(world.state().join("volumes"))
            .args(["-type", "f", "-size", "+0"])
            .output()
            .unwrap();
        let left = String::from_utf8(out.stdout).unwrap();
        if left.is_empty() { Ok(left) } else { Err(left) }
    });
    assert_eq!(left, "");
}

#[test]
fn volumes_hold_what_they_were_made_of() {
    let world = World::start(Settings::sim());
    let openstack = world.openstack();
    let admin = world.admin();
    let image = raw_image(&world);
    let file = image.to_str().unwrap();
    openstack.run(&[
        "image",
        "create",
        "pattern",
        "--file",
        file,
        "--disk-format",
        "raw",
        "--property",
        "os=tiny",
    ]);
    openstack.run(&["volume", "create", "root", "--size", "1", "--image", "pattern"]);
    let root = wait_for(&openstack, &["volume", "show", "root"], "available");
    assert_eq!(root["bootable"], json!(true), "{root}");
    assert_eq!(root["volume_image_metadata"]["image_name"], "pattern", "{root}");
    let root = root["id"].as_str().unwrap();
    let at_first = file_of(&admin, root);
    let raw = (image.as_path(), "raw");
    assert!(same_bytes((&at_first.0, &at_first.1), raw), "the volume differs from its image");
    openstack.run(&["volume", "snapshot", "create", "--volume", "root", "kept"]);
    wait_for(&openstack, &["volume", "snapshot", "show", "kept"], "available");

    let now = file_of(&admin, root);
    write((&now.0, &now.1), "1M", 7);
    assert!(!same_bytes((&now.0, &now.1), raw), "nothing was written");
    openstack.run(&["volume", "create", "clone", "--source", "root"]);
    openstack.run(&["volume", "create", "before", "--snapshot", "kept"]);
    for name in ["clone", "before"] {
        wait_for(&openstack, &["volume", "show", name], "available");
    }
    let id =
        |name: &str| openstack.json(&["volume", "show", name])["id"].as_str().unwrap().to_owned();
    let (clone, before) = (file_of(&admin, &id("clone")), file_of(&admin, &id("before")));
    let now = file_of(&admin, root);
    assert!(same_bytes((&clone.0, &clone.1), (&now.0, &now.1)), "the clone differs");
    assert!(same_bytes((&before.0, &before.1), raw), "the snapshot's volume differs");

    openstack.run(&["volume", "revert", "kept"]);
    wait_for(&openstack, &["volume", "show", "root"], "available");
    let back = file_of(&admin, root);
    assert!(same_bytes((&back.0, &back.1), raw), "it did not go back");
    assert!(!same_bytes((&clone.0, &clone.1), raw), "the clone went back too");
    // In an order in which each loses what it was made of.
    openstack.run(&["image", "delete", "pattern"]);
    openstack.run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(&openstack, &["volume", "snapshot", "list"]);
    openstack.run(&["volume", "delete", "root"]);
    openstack.run(&["volume", "delete", "clone"]);
    let last = file_of(&admin, &id("before"));
    assert!(same_bytes((&last.0, &last.1), raw), "it lost what it was made of");
    openstack.run(&["volume", "delete", "before"]);
    wait_until_gone(&openstack, &["volume", "list"]);
    no_files_are_left(&world);
}

#[test]
fn the_sdk_finds_the_service_and_uses_it() {
    let world = World::start(Settings::sim());
    let script = r#"
import openstack
from openstack import exceptions
cloud = openstack.connect()
bs = cloud.block_storage
assert cloud.session.auth.get_endpoint(cloud.session, service_type="volumev3").endswith("/volume/v3")
assert bs.get_endpoint_data().max_microversion == (3, 71), bs.get_endpoint_data()
volume = bs.create_volume(name="one", size=1, metadata={"a": "b"})
volume = bs.wait_for_status(volume, "available", wait=60)
assert bs.find_volume("one").id == volume.id
assert [v.name for v in bs.volumes(details=True)] == ["one"]
assert bs.get_limits().absolute.total_volumes_used == 1
bs.set_volume_metadata(volume, c="d")
assert bs.get_volume_metadata(volume).metadata == {"a": "b", "c": "d"}
bs.delete_volume_metadata(volume, ["a"])
bs.extend_volume(volume, 2)
volume = bs.wait_for_status(bs.get_volume(volume.id), "available", wait=60)
assert volume.size == 2
bs.set_volume_readonly(volume, True)
bs.set_volume_bootable_status(volume, True)
assert bs.get_volume(volume).is_bootable
snapshot = bs.create_snapshot(volume_id=volume.id, name="kept")
snapshot = bs.wait_for_status(snapshot, "available", wait=60)
assert [s.name for s in bs.snapshots()] == ["kept"]
bs.revert_volume_to_snapshot(bs.get_volume(volume.id), snapshot)
bs.wait_for_status(bs.get_volume(volume.id), "available", wait=60)
attachment = bs.create_attachment(volume.id, connector={"host": "elsewhere", "mountpoint": "/dev/vdb"})
bs.complete_attachment(attachment)
assert bs.get_volume(volume.id).status == "in-use"
try:
    bs.delete_volume(volume.id)
    raise SystemExit("a used volume was deleted")
except exceptions.BadRequestException as error:
    assert "attached" in str(error), error
bs.delete_attachment(attachment)
assert bs.get_volume(volume.id).status == "available"
for wrong in [dict(size=0), dict(size=1, volume_type="none"), dict(size=1, image_id="none"), dict(size=100000)]:
    try:
        bs.create_volume(**wrong)
        raise SystemExit(f"{wrong} was taken")
    except exceptions.HttpException as error:
        assert error.status_code in (400, 404, 413), error
quota = bs.update_quota_set(cloud.current_project_id, volumes=5)
assert bs.get_quota_set(cloud.current_project_id, usage=True).usage["volumes"] == 1
bs.delete_snapshot(snapshot)
bs.wait_for_delete(snapshot, wait=60)
bs.delete_volume(volume.id)
bs.wait_for_delete(bs.get_volume(volume.id), wait=60)
assert not list(bs.volumes())
assert [z.name for z in bs.availability_zones()] == ["nova"]
print("walked")
"#;
    let out = world.openstack().python().args(["-c", script]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(text(&out.stdout).contains("walked"), "{}{}", text(&out.stdout), text(&out.stderr));
    no_files_are_left(&world);
}
