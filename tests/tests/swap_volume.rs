//! A volume in another one's place while the guest runs. Real guests; the call that no client makes for its user is made by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::CephCluster;
use hatchery_tests::{Client, Openstack, Settings, Ssh, World, boot_image, eventually, wait_for};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// A server `one` with the first of the volumes: name, GiB, and type if it has one.
fn prepared(world: &World, volumes: &[(&str, &str, Option<&str>)]) -> Scene {
    let (openstack, key) = (world.openstack(), Ssh::new(world.state()));
    let (file, public) = (boot_image(), key.public_file());
    let file = file.to_str().unwrap();
    openstack.run(&["image", "create", "tiny", "--file", file, "--disk-format", "qcow2"]);
    openstack.run(&["flavor", "create", "small", "--ram", "192", "--disk", "1", "--vcpus", "1"]);
    openstack.run(&["keypair", "create", "mine", "--public-key", public.to_str().unwrap()]);
    for (name, size, kind) in volumes {
        let kind = kind.map(|kind| ["--type", kind]);
        let kind = kind.as_ref().map_or(&[][..], |words| &words[..]);
        openstack.run(&[&["volume", "create", name, "--size", size], kind].concat());
        wait_for(&openstack, &["volume", "show", name], "available");
    }
    let first = volumes[0].0;
    let line = ["server", "create", "one", "--flavor", "small", "--key-name", "mine"];
    openstack.run(&[&line[..], &["--network", "private", "--image", "tiny"]].concat());
    let shown = wait_for(&openstack, &["server", "show", "one"], "ACTIVE");
    ready(&openstack, 1);
    let networks = shown["addresses"].as_object().unwrap();
    let address = networks.values().next().unwrap()[0].as_str().unwrap().to_owned();
    openstack.run(&["server", "add", "volume", "one", first]);
    wait_for(&openstack, &["volume", "show", first], "in-use");
    eventually("the guest sees it", 60, || match key.run(&address, "cat /proc/partitions") {
        text if text.contains("vdb") => Ok(()),
        text => Err(text),
    });
    Scene { key, address, server: shown["id"].as_str().unwrap().to_owned() }
}

fn id(openstack: &Openstack, volume: &str) -> String {
    openstack.json(&["volume", "show", volume])["id"].as_str().unwrap().to_owned()
}

/// Asks for `new` in the place of `old`: the answer's status.
fn swap(world: &World, scene: &Scene, admin: &Client, pair: (&str, &str)) -> u16 {
    asked(world, scene, admin, pair).0
}

/// The same, and what was said.
fn asked(world: &World, scene: &Scene, admin: &Client, (old, new): (&str, &str)) -> (u16, String) {
    let openstack = world.openstack();
    let path = format!(
        "/compute/v2.1/servers/{}/os-volume_attachments/{}",
        scene.server,
        id(&openstack, old)
    );
    let body = json!({"volumeAttachment": {"volumeId": id(&openstack, new)}});
    let answer = admin.raw("PUT", &path, body.to_string().as_bytes(), "application/json");
    (answer.status, answer.body.to_string())
}

/// Waits until the guest sees that its disk is that large.
fn sees_gib(key: &Ssh, address: &str, gib: u64) {
    let expected = (gib << 21).to_string();
    eventually(&format!("the guest sees {gib} GiB"), 60, || {
        let found = key.run(address, "cat /sys/block/vdb/size");
        if found.trim() == expected { Ok(()) } else { Err(found) }
    });
}

/// Each swap's action has ended, once and well.
fn all_ended(scene: &Scene, admin: &Client, swaps: usize) {
    let path = format!("/compute/v2.1/servers/{}/os-instance-actions", scene.server);
    let all = admin.get(&path).expect(200);
    let all = all["instanceActions"].as_array().unwrap();
    let swapped: Vec<_> = all.iter().filter(|one| one["action"] == "swap_volume").collect();
    assert_eq!(swapped.len(), swaps, "{all:?}");
    for action in swapped {
        let request = action["request_id"].as_str().unwrap();
        let shown = admin.get(&format!("{path}/{request}")).expect(200);
        let events = shown["instanceAction"]["events"].as_array().unwrap();
        assert_eq!(events.len(), 1, "{shown}");
        assert_eq!(events[0]["result"], "Success", "{shown}");
    }
}

#[test]
fn a_running_guest_goes_over_to_another_volume() {
    let mut world = World::start(Settings::qemu());
    let files = |name, size| (name, size, None);
    let volumes = [
        files("a", "2"),
        files("b", "2"),
        files("c", "2"),
        files("small", "1"),
        files("large", "3"),
    ];
    let scene = prepared(&world, &volumes);
    let (key, address) = (&scene.key, scene.address.as_str());
    let (openstack, admin) = (world.openstack(), world.admin());
    write(key, address, "before");
    assert_eq!(swap(&world, &scene, &admin, ("a", "small")), 400);
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
    // A larger one: the guest sees its size at once.
    assert_eq!(swap(&world, &scene, &world.admin(), ("c", "large")), 202);
    wait_for(&openstack, &["volume", "show", "large"], "in-use");
    sees_gib(key, address, 3);
    assert_eq!(read(key, address), "after");
    all_ended(&scene, &world.admin(), 3);
    openstack.run(&["server", "stop", "one"]);
    wait_for(&openstack, &["server", "show", "one"], "SHUTOFF");
    assert_eq!(swap(&world, &scene, &world.admin(), ("large", "b")), 409);
    openstack.run(&["server", "delete", "one", "--wait"]);
    wait_for(&openstack, &["volume", "show", "large"], "available");
}

/// Where the guest counts: one number a sector.
const COUNTED_FROM: u64 = 1_000_000;
/// Where something large lies, and how much of it, in MiB.
const LARGE: (u64, u64) = (100, 96);

/// Has the guest write one number after the other until it is told to stop, each to the disk and not only into its memory.
fn count(key: &Ssh, address: &str) {
    let one = format!(
        "printf %08d $i | dd of=/dev/vdb seek=$(({COUNTED_FROM}+i)) conv=notrunc,fsync 2>/dev/null || echo $i >> /tmp/failed"
    );
    let line = format!(
        "(i=0; while [ ! -e /tmp/stop ]; do {one}; i=$((i+1)); echo $i > /tmp/count.new; mv /tmp/count.new /tmp/count; done; \
         touch /tmp/stopped) > /dev/null 2>&1 < /dev/null &"
    );
    key.run(address, &line);
}

/// How far the guest has counted.
fn counted(key: &Ssh, address: &str) -> u64 {
    eventually("the guest counts", 60, || {
        let text = key.run(address, "cat /tmp/count 2>/dev/null || true");
        text.trim().parse().map_err(|_| text)
    })
}

/// How many numbers stand on a volume: all from the first on, and nothing but zeros behind them.
fn numbers(raw: &Path) -> u64 {
    let mut bytes = vec![0; 512 * 80_000];
    File::open(raw).unwrap().read_exact_at(&mut bytes, COUNTED_FROM * 512).unwrap();
    let is = |sector: &[u8], number: usize| sector.starts_with(format!("{number:08}").as_bytes());
    let sectors = || bytes.chunks(512).enumerate();
    let written = sectors().take_while(|(number, sector)| is(sector, *number)).count();
    let behind = sectors().skip(written).find(|(_, sector)| sector.iter().any(|byte| *byte != 0));
    assert!(behind.is_none(), "{raw:?}: after {written} numbers there is {behind:?}");
    written as u64
}

/// A raw copy of a volume's file.
fn copy_of_file(world: &World, volume: &str) -> PathBuf {
    let folder = world.state().join("volumes").join("fast");
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = entries.filter(|path| path.to_str().unwrap().contains(volume)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let to = world.state().join(format!("{volume}.raw"));
    let read = ["convert", "-f", "qcow2", "-O", "raw"];
    let done = Command::new("qemu-img").args(read).args([&found[0], &to]).status();
    assert!(done.unwrap().success());
    to
}

/// A raw copy of a volume in Ceph.
fn copy_of_image(world: &World, ceph: &CephCluster, volume: &str) -> PathBuf {
    let to = world.state().join(format!("{volume}.raw"));
    let _ = fs::remove_file(&to);
    let image = format!("volumes/volume-{volume}");
    ceph.rbd(&["export", "--no-progress", &image, to.to_str().unwrap()]);
    to
}

/// A cloud with a backend of files and one in Ceph, and a type for each.
fn files_and_ceph(ceph: &CephCluster) -> World {
    let groups = format!(
        "[fast]\nvolume_driver = \"file\"\n[ceph]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\n\
         rbd_ceph_conf = \"{}\"\n",
        ceph.conf().display()
    );
    let default = "enabled_backends = \"fast,ceph\"\n".to_owned();
    let world = World::start(Settings { default, toml: groups, ..Settings::qemu() });
    let (admin, openstack) = (world.admin(), world.openstack());
    eventually("both backends are up", 90, || {
        let told = admin.volume("GET", "/os-services", &Value::Null).expect(200);
        let all = told["services"].as_array().unwrap();
        let up = all.iter().filter(|one| one["state"] == "up").count();
        if up == 2 { Ok(()) } else { Err(told.to_string()) }
    });
    for name in ["fast", "ceph"] {
        let property = format!("volume_backend_name={name}");
        openstack.run(&["volume", "type", "create", name, "--property", &property]);
    }
    world
}

/// Has the guest write a large piece; gives its digest.
fn filled(key: &Ssh, address: &str) -> String {
    let (at, mib) = LARGE;
    let fill = format!("dd if=/dev/urandom of=/dev/vdb bs=1M seek={at} count={mib} conv=notrunc");
    key.run(address, &format!("{fill} 2>/dev/null && sync"));
    sum(key, address)
}

/// The digest of the large piece.
fn sum(key: &Ssh, address: &str) -> String {
    forget(key, address);
    let (at, mib) = LARGE;
    let line = format!("dd if=/dev/vdb bs=1M skip={at} count={mib} 2>/dev/null | md5sum");
    key.run(address, &line)
}

/// The guest goes over to a larger volume while it counts and the cloud is killed; the next cloud makes an end of it.
fn goes_over(world: &mut World, scene: &Scene, (old, new): (&str, &str), gib: u64) {
    let (key, address) = (&scene.key, scene.address.as_str());
    let before = counted(key, address);
    assert_eq!(swap(world, scene, &world.admin(), (old, new)), 202);
    world.kill();
    eventually("it counts on without the cloud", 60, || match counted(key, address) {
        found if found > before + 20 => Ok(()),
        found => Err(found.to_string()),
    });
    write(key, address, &format!("during-{new}"));
    world.up();
    let openstack = world.openstack();
    let shown = wait_for(&openstack, &["volume", "show", new], "in-use");
    let left = wait_for(&openstack, &["volume", "show", old], "available");
    assert_eq!(shown["attachments"][0]["device"], "/dev/vdb", "{shown}");
    assert_eq!(left["attachments"], json!([]), "{left}");
    let listed = openstack.json(&["server", "volume", "list", "one"]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["Volume ID"], shown["id"], "{listed}");
    sees_gib(key, address, gib);
    assert_eq!(read(key, address), format!("during-{new}"));
}

#[test]
fn a_guest_goes_over_to_ceph_and_back_while_it_counts() {
    let test = "a_guest_goes_over_to_ceph_and_back_while_it_counts";
    let Some(ceph) = CephCluster::start(test) else { return };
    let mut world = files_and_ceph(&ceph);
    let volumes = [
        ("a", "2", Some("fast")),
        ("b", "3", Some("ceph")),
        ("c", "4", Some("fast")),
        ("small", "1", Some("ceph")),
    ];
    let scene = prepared(&world, &volumes);
    let (key, address) = (&scene.key, scene.address.as_str());
    let ids = ["a", "b", "c"].map(|name| id(&world.openstack(), name));
    write(key, address, "before");
    let wanted = filled(key, address);
    count(key, address);

    let told = asked(&world, &scene, &world.admin(), ("a", "small"));
    assert_eq!(told.0, 400);
    assert!(told.1.contains("New volume must be the same size or larger."), "{}", told.1);
    let openstack = world.openstack();
    for (name, status) in [("a", "in-use"), ("small", "available")] {
        assert_eq!(openstack.json(&["volume", "show", name])["status"], status, "{name}");
    }
    sees_gib(key, address, 2);

    for (pair, gib) in [(("a", "b"), 3), (("b", "c"), 4)] {
        goes_over(&mut world, &scene, pair, gib);
        assert_eq!(sum(key, address), wanted);
    }
    all_ended(&scene, &world.admin(), 2);

    // What was written after it went over is on the new one alone.
    let in_ceph = numbers(&copy_of_image(&world, &ceph, &ids[1]));
    let in_file = numbers(&copy_of_file(&world, &ids[0]));
    assert!(0 < in_file && in_file < in_ceph && in_ceph < counted(key, address));
    key.run(address, "touch /tmp/stop; while [ ! -e /tmp/stopped ]; do sleep 1; done; sync");
    let last = counted(key, address);
    assert_eq!(key.run(address, "cat /tmp/failed 2>/dev/null || true").trim(), "");
    assert_eq!(numbers(&copy_of_image(&world, &ceph, &ids[1])), in_ceph);

    // It is a volume like any other: it grows, is there at the next start, and is given back.
    let openstack = world.openstack();
    openstack.run(&["--os-volume-api-version", "3.60", "volume", "set", "--size", "5", "c"]);
    sees_gib(key, address, 5);
    openstack.run(&["server", "reboot", "--hard", "one"]);
    wait_for(&openstack, &["server", "show", "one"], "ACTIVE");
    ready(&openstack, 2);
    sees_gib(key, address, 5);
    assert_eq!((read(key, address), sum(key, address)), ("during-c".to_owned(), wanted));
    openstack.run(&["server", "remove", "volume", "one", "c"]);
    wait_for(&openstack, &["volume", "show", "c"], "available");
    let raw = copy_of_file(&world, &ids[2]);
    assert_eq!((fs::metadata(&raw).unwrap().len(), numbers(&raw)), (5 << 30, last));
    openstack.run(&["server", "delete", "one", "--wait"]);
    openstack.run(&["volume", "delete", "a", "b", "c", "small"]);
    eventually("nothing is left in Ceph", 120, || {
        let left = ceph.rbd(&["ls", "volumes"]) + &ceph.rbd(&["trash", "ls", "--all", "volumes"]);
        if left.trim().is_empty() { Ok(()) } else { Err(left) }
    });
}
