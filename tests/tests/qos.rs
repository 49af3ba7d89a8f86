//! Volumes of a type with QoS specs: what a guest may take of them is limited by its QEMU, which is asked itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Guests, Openstack, Settings, World, eventually, wait_for};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A volume type `name` with a property of QoS specs, and a volume `name` of it.
fn volume(openstack: &Openstack, name: &str, property: &str) {
    openstack.run(&["volume", "type", "create", name]);
    let specs = ["volume", "qos", "create", name, "--consumer", "front-end", "--property"];
    openstack.run(&[&specs[..], &[property]].concat());
    openstack.run(&["volume", "qos", "associate", name, name]);
    openstack.run(&["volume", "create", name, "--size", "2", "--type", name]);
    wait_for(openstack, &["volume", "show", name], "available");
}

/// What the guest's QEMU says of its volumes' limits: requests, bytes written and reads a second. It listens to one at a time, so the cloud is killed meanwhile.
fn limits(world: &mut World, server: &str) -> Vec<(u64, u64, u64)> {
    world.kill();
    let socket = world.state().join("instances").join(server).join("qmp.sock");
    // The path of a socket is short, and a state folder's need not be.
    let folder = std::fs::File::open(socket.parent().unwrap()).unwrap();
    let short = format!("/proc/self/fd/{}/qmp.sock", std::os::fd::AsRawFd::as_raw_fd(&folder));
    let stream = UnixStream::connect(short).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut ask = |command: &str| {
        writeln!(&stream, "{}", json!({"execute": command})).unwrap();
        loop {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            if let Some(answer) = line.get("return") {
                return answer.clone();
            }
        }
    };
    ask("qmp_capabilities");
    let drives = ask("query-block");
    drop(stream);
    world.up();
    let volumes = drives.as_array().unwrap().iter().filter(|one| {
        one["qdev"].as_str().is_some_and(|path| path.starts_with("/machine/peripheral/v"))
    });
    let of = |one: &Value, word: &str| one["inserted"][word].as_u64().unwrap();
    let mut limits: Vec<_> =
        volumes.map(|one| (of(one, "iops"), of(one, "bps_wr"), of(one, "iops_rd"))).collect();
    limits.sort_unstable();
    limits
}

/// Has the guest use the new volume in the old one's place: no client does it for its user.
fn swap(world: &World, server: &str, (old, new): (&str, &str)) {
    let (openstack, admin) = (world.openstack(), world.admin());
    let id = |volume| openstack.json(&["volume", "show", volume])["id"].clone();
    let old = id(old);
    let path = format!("/compute/v2.1/servers/{server}/os-volume_attachments");
    let path = format!("{path}/{}", old.as_str().unwrap());
    let body = json!({"volumeAttachment": {"volumeId": id(new)}}).to_string();
    admin.raw("PUT", &path, body.as_bytes(), "application/json").expect(202);
    wait_for(&openstack, &["volume", "show", new], "in-use");
    wait_for(&openstack, &["volume", "show", old.as_str().unwrap()], "available");
}

#[test]
fn a_guest_takes_no_more_of_a_volume_than_its_type_allows() {
    let mut world = World::start(Settings::qemu());
    let guests = Guests::new(&world);
    let openstack = &guests.openstack;
    volume(openstack, "few", "total_iops_sec_per_gb=150");
    volume(openstack, "slow", "write_bytes_sec=1048576");
    volume(openstack, "wrong", "total_iops_sec=many");
    volume(openstack, "other", "read_iops_sec=70");
    let id = openstack.json(&["volume", "show", "few"])["id"].as_str().unwrap().to_owned();
    let few = format!("source_type=volume,uuid={id}");
    guests.boot("one", &["--image", "tiny", "--block-device", &few]);
    let shown = openstack.json(&["server", "show", "one"]);
    let server = shown["id"].as_str().unwrap().to_owned();
    assert_eq!(limits(&mut world, &server), [(300, 0, 0)]);

    let openstack = &world.openstack();
    openstack.run(&["server", "add", "volume", "one", "slow"]);
    wait_for(openstack, &["volume", "show", "slow"], "in-use");
    assert_eq!(limits(&mut world, &server), [(0, 1 << 20, 0), (300, 0, 0)]);

    // What cannot be kept to is told, and changes nothing.
    let openstack = &world.openstack();
    openstack.run(&["server", "add", "volume", "one", "wrong"]);
    wait_for(openstack, &["volume", "show", "wrong"], "available");
    let told = openstack.json(&["--os-volume-api-version", "3.5", "volume", "message", "list"]);
    assert!(told.to_string().contains("total_iops_sec=many"), "{told}");

    // One that takes another one's place brings its own limits.
    swap(&world, &server, ("slow", "other"));
    assert_eq!(limits(&mut world, &server), [(0, 0, 70), (300, 0, 0)]);

    let openstack = &world.openstack();
    // Whoever waits sees the new guest's process.
    openstack.run(&["server", "reboot", "--hard", "--wait", "one"]);
    assert_eq!(limits(&mut world, &server), [(0, 0, 70), (300, 0, 0)]);

    // A guest that does not run takes it, and does not start with it.
    let openstack = &world.openstack();
    let shown = |status| wait_for(openstack, &["server", "show", "one"], status);
    openstack.run(&["server", "stop", "one"]);
    shown("SHUTOFF");
    openstack.run(&["server", "add", "volume", "one", "wrong"]);
    wait_for(openstack, &["volume", "show", "wrong"], "in-use");
    let told = || world.log().matches("total_iops_sec=many").count();
    let before = told();
    openstack.run(&["server", "start", "one"]);
    eventually("the start has failed", 60, || match told() {
        now if now > before => Ok(()),
        now => Err(now.to_string()),
    });
    eventually("nothing is done to the server any more", 60, || {
        let shown = openstack.json(&["server", "show", "one"]);
        let state = ["status", "OS-EXT-STS:task_state"].map(|word| shown[word].clone());
        if state == [json!("SHUTOFF"), Value::Null] { Ok(()) } else { Err(format!("{state:?}")) }
    });
    openstack.run(&["server", "remove", "volume", "one", "wrong"]);
    wait_for(openstack, &["volume", "show", "wrong"], "available");
    openstack.run(&["server", "start", "one"]);
    shown("ACTIVE");
}
