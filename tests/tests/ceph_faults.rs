//! What goes wrong around volumes in a Ceph: dead processes, a full pool, a key that is not right. Nothing stays in a passing state, nothing is left
//! in a pool, and other volumes keep their bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::{CephCluster, ObjectStore};
use hatchery_tests::{Client, Settings, World, boot_image, eventually};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Longer than the 30 seconds for which Ceph waits for a client that died, and than an order's repetition.
const PATIENCE: u64 = 150;
const IMAGE_BYTES: usize = 9 << 20;

/// Volumes and images in the cluster that `conf` names, which is given so many seconds to answer; clones of clones are flattened.
fn groups(conf: &Path, seconds: u32) -> String {
    let conf = conf.display();
    format!(
        "[file]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{conf}\"\n\
         rbd_max_clone_depth = 1\nrados_connect_timeout = {seconds}\n\
         [glance_store]\ndefault_store = \"rbd\"\nrbd_store_user = \"glance\"\nrbd_store_ceph_conf = \"{conf}\"\n"
    )
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

fn image(admin: &Client, format: &str, file: &Path) -> String {
    let body = json!({"name": "i", "disk_format": format, "container_format": "bare"});
    let image = id(&admin.post("/image/v2/images", &body).expect(201));
    admin.put_file(&format!("/image/v2/images/{image}/file"), file).expect(204);
    image
}

/// An image whose blocks tell where they are.
fn pattern(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("pattern.raw");
    let bytes: Vec<u8> = (0..IMAGE_BYTES).map(|at| (at >> 12) as u8).collect();
    fs::write(&path, bytes).unwrap();
    path
}

fn make(admin: &Client, mut wanted: Value) -> String {
    wanted["size"] = json!(1);
    id(&admin.volume("POST", "/volumes", &json!({"volume": wanted})).expect(202)["volume"])
}

fn list(admin: &Client, kind: &str) -> Vec<Value> {
    let path = if kind == "messages" { "/messages" } else { &format!("/{kind}/detail") };
    let listed = admin.volume("GET", path, &Value::Null).expect(200);
    listed[kind].as_array().unwrap().clone()
}

/// All volumes, snapshots and backups, once none is on its way anywhere.
fn settled(admin: &Client) -> Vec<(String, String, String)> {
    eventually("nothing is on its way", PATIENCE, || {
        let mut all = Vec::new();
        for kind in ["volumes", "snapshots", "backups"] {
            for one in list(admin, kind) {
                all.push((kind.to_owned(), id(&one), one["status"].as_str().unwrap().to_owned()));
            }
        }
        let rests = |status: &str| ["available", "in-use", "error"].contains(&status);
        if all.iter().all(|(.., status)| rests(status)) { Ok(all) } else { Err(format!("{all:?}")) }
    })
}

fn remove(admin: &Client, kind: &str, id: &str) {
    let path = format!("/{kind}/{id}");
    admin.volume("DELETE", &path, &Value::Null).expect(202);
    eventually(&format!("{path} is gone"), PATIENCE, || {
        let answer = admin.volume("GET", &path, &Value::Null);
        if answer.status == 404 { Ok(()) } else { Err(answer.body.to_string()) }
    });
}

/// Everything but these volumes goes, backups and snapshots first.
fn remove_all_but(admin: &Client, kept: &[&str]) {
    for kind in ["backups", "snapshots", "volumes"] {
        for one in list(admin, kind) {
            if !kept.contains(&one["id"].as_str().unwrap()) {
                remove(admin, kind, &id(&one));
            }
        }
    }
}

/// What the pool of volumes holds is what the cloud knows: images, snapshots, trash, and who has them open.
fn assert_census(ceph: &CephCluster, volumes: &[&str]) {
    let mut names: Vec<String> = volumes.iter().map(|id| format!("volume-{id}")).collect();
    names.sort();
    eventually("the pool holds the volumes alone", PATIENCE, || {
        let listed = ceph.rbd(&["ls", "volumes"]);
        let mut found: Vec<&str> = listed.lines().collect();
        found.sort_unstable();
        let trash = ceph.rbd(&["trash", "ls", "volumes"]);
        if found == names && trash.is_empty() { Ok(()) } else { Err(format!("{listed}{trash}")) }
    });
    for name in names {
        let snapshots = ceph.rbd(&["snap", "ls", "--all", &format!("volumes/{name}")]);
        assert_eq!(snapshots, "", "{name}");
        eventually("nobody has it open", PATIENCE, || {
            let status = ceph.rbd(&["status", &format!("volumes/{name}")]);
            if status.contains("watcher=") { Err(status) } else { Ok(()) }
        });
    }
}

fn assert_bytes(ceph: &CephCluster, folder: &Path, volume: &str) {
    let out = folder.join("exported.raw");
    ceph.rbd(&["export", &format!("volumes/volume-{volume}"), out.to_str().unwrap()]);
    let bytes = fs::read(&out).unwrap();
    fs::remove_file(&out).unwrap();
    let is_right = |(at, byte): (usize, &u8)| *byte == (at >> 12) as u8;
    assert!(bytes[..IMAGE_BYTES].iter().enumerate().all(is_right), "{volume} has other bytes");
}

/// What makes work of each kind: a clone of an image, a flattening, a snapshot and a clone of that, a backup, an empty volume.
const WORK: usize = 6;

fn work(admin: &Client, image: &str, [base, saved]: [&str; 2], snapshot: &str, number: usize) {
    match number {
        0 => _ = make(admin, json!({"imageRef": image})),
        1 => _ = make(admin, json!({"source_volid": base})),
        2 => {
            let body = json!({"snapshot": {"volume_id": base}});
            admin.volume("POST", "/snapshots", &body).expect(202);
        }
        3 => _ = make(admin, json!({"snapshot_id": snapshot})),
        4 => {
            let body = json!({"backup": {"volume_id": saved}});
            admin.volume("POST", "/backups", &body).expect(202);
        }
        _ => _ = make(admin, json!({})),
    }
}

/// The cloud is killed with each kind of work under way, the last one just begun, and then a whole cluster dies under it.
#[test]
fn a_kill_in_the_middle_of_any_work_leaves_nothing_behind() {
    let test = "a_kill_in_the_middle_of_any_work_leaves_nothing_behind";
    // Of what lies in memory a killed OSD would leave nothing.
    let on_disk = |set: &mut hatchery_testkit::CephSettings| set.store = ObjectStore::Bluestore;
    let Some(ceph) = CephCluster::start_with(test, on_disk) else { return };
    let mut world = World::start(Settings { toml: groups(&ceph.conf(), 60), ..Settings::sim() });
    let admin = world.admin();
    let image = image(&admin, "raw", &pattern(world.state()));
    let base = make(&admin, json!({"imageRef": image}));
    // A volume that is backed up is not copied meanwhile.
    let saved = make(&admin, json!({"imageRef": image}));
    settled(&admin);
    let body = json!({"snapshot": {"volume_id": base}});
    let snapshot = id(&admin.volume("POST", "/snapshots", &body).expect(202)["snapshot"]);
    settled(&admin);
    for last in 0..=WORK {
        // The work before the last one had more time.
        let admin = world.admin();
        for number in (0..WORK).map(|number| (last + 1 + number) % WORK) {
            work(&admin, &image, [&base, &saved], &snapshot, number);
        }
        match last == WORK {
            // Every client is cut off in the middle, and the agent asks again.
            true => {
                ceph.node().kill("osd.0");
                ceph.node().start_again("osd.0").unwrap();
            }
            false => {
                world.kill();
                world.up();
            }
        }
        let admin = world.admin();
        let all = settled(&admin);
        let failed: Vec<_> = all.iter().filter(|(.., status)| status == "error").collect();
        assert!(failed.is_empty(), "{failed:?}");
        for one in list(&admin, "volumes") {
            let is_blank = one["bootable"] == "false";
            if !is_blank {
                assert_bytes(&ceph, world.state(), &id(&one));
            }
        }
        for kind in ["backups", "snapshots", "volumes"] {
            for one in list(&admin, kind) {
                if ![&base, &saved, &snapshot].contains(&&id(&one)) {
                    remove(&admin, kind, &id(&one));
                }
            }
        }
    }
    let admin = world.admin();
    remove_all_but(&admin, &[&base]);
    assert_census(&ceph, &[&base]);
    assert_bytes(&ceph, world.state(), &base);
}

fn message_of(admin: &Client, volume: &str) -> String {
    let told = list(admin, "messages");
    let about = told.iter().find(|one| one["resource_uuid"] == *volume);
    about.map(|one| one["user_message"].as_str().unwrap().to_owned()).unwrap_or_default()
}

/// A quota stands for a full cluster: what does not fit fails with the reason, goes, and leaves room for what does.
#[test]
fn a_full_pool_is_told_and_nothing_of_the_volume_stays() {
    let test = "a_full_pool_is_told_and_nothing_of_the_volume_stays";
    let Some(ceph) = CephCluster::start(test) else { return };
    let volumes_only = groups(&ceph.conf(), 60).split("[glance_store]").next().unwrap().to_owned();
    let world = World::start(Settings { toml: volumes_only, ..Settings::sim() });
    let admin = world.admin();
    let image = image(&admin, "raw", &pattern(world.state()));
    let kept = make(&admin, json!({"imageRef": image}));
    assert!(settled(&admin).iter().all(|(.., status)| status == "available"));
    let quota = |bytes: &str| {
        ceph.ceph(&["osd", "pool", "set-quota", "volumes", "max_bytes", bytes]);
    };
    quota("1048576");
    eventually("the pool is full", PATIENCE, || {
        let health = ceph.ceph(&["health", "detail"]);
        if health.contains("volumes") && health.contains("full") { Ok(()) } else { Err(health) }
    });
    let failed = make(&admin, json!({"imageRef": image}));
    let all = settled(&admin);
    assert!(all.iter().any(|(_, id, status)| *id == failed && status == "error"), "{all:?}");
    let told = message_of(&admin, &failed);
    assert!(!told.is_empty(), "{}", world.log());
    quota("0");
    eventually("the pool is full no more", PATIENCE, || {
        let health = ceph.ceph(&["health", "detail"]);
        if health.contains("full") { Err(health) } else { Ok(()) }
    });
    remove(&admin, "volumes", &failed);
    assert_census(&ceph, &[&kept]);
    assert_bytes(&ceph, world.state(), &kept);
}

/// What a test mounts, until it ends.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn new(at: &Path, size: &str) -> Self {
        let options = format!("size={size}");
        let line = ["-t", "tmpfs", "-o", &options, "tmpfs"];
        assert!(Command::new("mount").args(line).arg(at).status().unwrap().success());
        Self(at.to_owned())
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        let done = Command::new("mount").args(["-o", &options]).arg(&self.0).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A qcow2 image is put into a folder on its way into Ceph, to be converted there: without room it is refused with the reason, and leaves nothing.
#[test]
fn a_full_conversion_folder_is_told_and_nothing_of_the_image_stays() {
    let test = "a_full_conversion_folder_is_told_and_nothing_of_the_image_stays";
    let Some(ceph) = CephCluster::start(test) else { return };
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let mounted = Mounted::new(folder.path(), "1m");
    let default = format!("image_conversion_dir = \"{}\"\n", folder.path().display());
    let toml = groups(&ceph.conf(), 60);
    let world = World::start(Settings { default, toml, ..Settings::sim() });
    let admin = world.admin();
    let body = json!({"name": "i", "disk_format": "qcow2", "container_format": "bare"});
    let image = id(&admin.post("/image/v2/images", &body).expect(201));
    let upload = || admin.put_file(&format!("/image/v2/images/{image}/file"), &boot_image());
    let told = upload().expect(413).to_string();
    assert!(told.contains("free in image_conversion_dir"), "{told}");
    let shown = admin.get(&format!("/image/v2/images/{image}")).expect(200);
    assert_eq!((&shown["status"], &shown["size"]), (&json!("queued"), &Value::Null), "{shown}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    eventually("nothing is left in the pool of images", PATIENCE, || {
        let left = [ceph.rbd(&["ls", "images"]), ceph.rbd(&["trash", "ls", "--all", "images"])];
        if left.concat().trim().is_empty() { Ok(()) } else { Err(left.concat()) }
    });
    // The same image takes its bytes as soon as there is room.
    mounted.resize("1g");
    upload().expect(204);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let made = make(&admin, json!({"imageRef": image}));
    assert_eq!(settled(&admin)[0].2, "available");
    remove(&admin, "volumes", &made);
    assert_census(&ceph, &[]);
}

/// A wrong key and a monitor that is not there: the volume says what to do, and is removed without Ceph.
#[test]
fn a_cluster_that_cannot_be_reached_is_told() {
    let Some(ceph) = CephCluster::start("a_cluster_that_cannot_be_reached_is_told") else { return };
    let wrong = ceph.path("wrong.keyring");
    fs::write(&wrong, format!("[client.cinder]\nkey = {}\n", ceph.key("glance"))).unwrap();
    for (monitor, reason) in
        [(ceph.monitor().as_str(), "key of client.cinder"), ("127.0.0.1:9", "no monitor of")]
    {
        let conf = ceph.path("wrong.conf");
        let keyring = wrong.display();
        let text = format!("[global]\nmon host = {monitor}\nkeyring = {keyring}\nadmin socket =\n");
        fs::write(&conf, text).unwrap();
        let toml = groups(&conf, 2).split("[glance_store]").next().unwrap().to_owned();
        let world = World::start(Settings { toml, ..Settings::sim() });
        let admin = world.admin();
        eventually("the backend is known", PATIENCE, || {
            let services = admin.volume("GET", "/os-services", &Value::Null).expect(200);
            let is_known = services["services"].as_array().is_some_and(|all| !all.is_empty());
            if is_known { Ok(()) } else { Err(services.to_string()) }
        });
        let volume = make(&admin, json!({}));
        assert_eq!(settled(&admin)[0].2, "error");
        let told = message_of(&admin, &volume) + &world.log();
        assert!(told.contains(reason), "{told}");
        assert!(!told.contains(&ceph.key("glance")));
        remove(&admin, "volumes", &volume);
    }
}

/// A guest that dies while it writes keeps its volume from nobody for longer than its watch; then it is given to another one, and goes.
#[test]
fn a_volume_of_a_guest_that_was_killed_can_be_used_and_removed() {
    let test = "a_volume_of_a_guest_that_was_killed_can_be_used_and_removed";
    let Some(ceph) = CephCluster::start(test) else { return };
    let volumes_only = groups(&ceph.conf(), 60).split("[glance_store]").next().unwrap().to_owned();
    let world = World::start(Settings { toml: volumes_only, ..Settings::qemu() });
    let admin = world.admin();
    let image = image(&admin, "qcow2", &boot_image());
    let body = json!({"flavor": {"name": "t", "ram": 192, "vcpus": 1, "disk": 1}});
    let flavor = id(&admin.post("/compute/v2.1/flavors", &body).expect(200)["flavor"]);
    let volume = make(&admin, json!({}));
    settled(&admin);
    for _ in 0..2 {
        let body = json!({"server": {
            "name": "s", "imageRef": image, "flavorRef": flavor, "networks": "none",
            "block_device_mapping_v2": [
                {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "local",
                 "delete_on_termination": true},
                {"boot_index": -1, "uuid": volume, "source_type": "volume",
                 "destination_type": "volume", "delete_on_termination": false}],
        }});
        let server = id(&admin.post("/compute/v2.1/servers", &body).expect(202)["server"]);
        let path = format!("/compute/v2.1/servers/{server}");
        eventually("the server is ACTIVE", PATIENCE, || {
            let shown = admin.get(&path).expect(200)["server"].clone();
            assert_ne!(shown["status"], "ERROR", "{}", shown["fault"]);
            if shown["status"] == "ACTIVE" { Ok(()) } else { Err(shown["status"].to_string()) }
        });
        eventually("QEMU has the volume open", PATIENCE, || {
            let status = ceph.rbd(&["status", &format!("volumes/volume-{volume}")]);
            if status.contains("watcher=") { Ok(()) } else { Err(status) }
        });
        for pid in world.census().processes.values() {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(*pid).unwrap());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        admin.delete(&path).expect(204);
        eventually("the volume is available", PATIENCE, || {
            let all = settled(&admin);
            if all[0].2 == "available" { Ok(()) } else { Err(format!("{all:?}")) }
        });
    }
    remove(&admin, "volumes", &volume);
    assert_census(&ceph, &[]);
}
