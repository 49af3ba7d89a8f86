//! Volumes that are brought to another backend, by their type or by an administrator, and volumes that come from outside: the newest `openstack`
//! client and plain requests, against a cloud with two backends of files, or with one in Ceph.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::CephCluster;
use hatchery_tests::{Client, Openstack, Settings, World, eventually};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds until a volume has surely been copied.
const PATIENCE: u64 = 90;
const MIB: u64 = 1 << 20;

/// A cloud with these backends, each with its group.
fn world(enabled: &str, groups: &str) -> World {
    let mut world = World::start(Settings::sim());
    world.kill();
    let path = world.state().join("hatchery.toml");
    let text = fs::read_to_string(&path).unwrap();
    let line = format!("[DEFAULT]\nenabled_backends = \"{enabled}\"");
    fs::write(&path, text.replacen("[DEFAULT]", &line, 1) + groups).unwrap();
    world.up();
    let admin = world.admin();
    eventually("all backends are up", PATIENCE, || {
        let services = admin.volume("GET", "/os-services", &Value::Null).expect(200);
        let up = |one: &Value| one["state"] == "up";
        let all = services["services"].as_array().unwrap();
        let wanted = enabled.split(',').count();
        if all.iter().filter(|one| up(one)).count() == wanted {
            Ok(())
        } else {
            Err(services.to_string())
        }
    });
    world
}

/// Two backends of files, and a type for each.
fn two_of_files() -> (World, Client, Openstack) {
    let groups = "[fast]\nvolume_driver = \"file\"\n[slow]\nvolume_driver = \"file\"\nfile_format = \"raw\"\n";
    let world = world("fast,slow", groups);
    let (admin, openstack) = (world.admin(), world.openstack());
    for name in ["fast", "slow"] {
        let property = format!("volume_backend_name={name}");
        openstack.run(&["volume", "type", "create", name, "--property", &property]);
    }
    (world, admin, openstack)
}

fn shown(admin: &Client, id: &str) -> Value {
    admin.volume("GET", &format!("/volumes/{id}"), &Value::Null).expect(200)["volume"].clone()
}

fn wait(admin: &Client, id: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("the volume is {what}"), PATIENCE, || {
        let volume = shown(admin, id);
        if fits(&volume) { Ok(volume) } else { Err(volume.to_string()) }
    })
}

/// Waits until the volume is on a backend and nothing is done with it.
fn arrived(admin: &Client, id: &str, backend: &str) -> Value {
    wait(admin, id, &format!("on {backend}"), |volume| {
        assert_ne!(volume["migration_status"], "error", "{volume}");
        let host = volume["os-vol-host-attr:host"].as_str().unwrap_or_default();
        host.ends_with(&format!("@{backend}#{backend}"))
            && volume["status"] == "available"
            && volume["migration_status"] == "success"
    })
}

fn made(admin: &Client, body: &Value) -> String {
    let made = admin.volume("POST", "/volumes", &json!({"volume": body})).expect(202);
    let id = made["volume"]["id"].as_str().unwrap().to_owned();
    wait(admin, &id, "available", |volume| volume["status"] == "available");
    id
}

/// Where a volume's bytes are, and their format.
fn file_of(admin: &Client, volume: &str) -> (PathBuf, String) {
    let wanted = json!({"attachment": {
        "volume_uuid": volume,
        "connector": {"host": "elsewhere", "mountpoint": "/dev/vdb"},
    }});
    let made = admin.volume("POST", "/attachments", &wanted).expect(200);
    let info = &made["attachment"]["connection_info"];
    let text = |key: &str| info[key].as_str().unwrap_or_else(|| panic!("{key}: {made}")).to_owned();
    let found = (PathBuf::from(text("device_path")), text("format"));
    let id = made["attachment"]["id"].as_str().unwrap();
    admin.volume("DELETE", &format!("/attachments/{id}"), &Value::Null).expect(200);
    found
}

/// Writes runs of one byte, as offset and length in MiB.
fn write(volume: &(PathBuf, String), runs: &[(u8, u64, u64)]) {
    let mut command = Command::new("qemu-io");
    command.args(["-f", &volume.1]);
    for (byte, at, length) in runs {
        command.args(["-c", &format!("write -P {byte} {at}M {length}M")]);
    }
    let out = command.arg(&volume.0).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

/// A raw copy of what a volume holds.
fn copy(volume: &(PathBuf, String), to: &Path) -> PathBuf {
    let out = Command::new("qemu-img")
        .args(["convert", "-f", &volume.1, "-O", "raw"])
        .args([&volume.0, to])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    to.to_owned()
}

fn same(volume: &(PathBuf, String), kept: &Path) -> bool {
    let out = Command::new("qemu-img")
        .args(["compare", "-f", &volume.1, "-F", "raw"])
        .args([&volume.0, kept])
        .output()
        .unwrap();
    assert!(matches!(out.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&out.stderr));
    out.status.code() == Some(0)
}

/// What a backend's folder has of a volume.
fn left(world: &World, backend: &str, volume: &str) -> Vec<String> {
    let folder = world.state().join("volumes").join(backend);
    let names = fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|name| name.contains(volume)).collect()
}

fn act(admin: &Client, volume: &str, action: &Value, status: u16) -> Value {
    admin.volume("POST", &format!("/volumes/{volume}/action"), action).expect(status)
}

#[test]
fn a_type_brings_its_volume_to_its_backend_and_an_administrator_anywhere() {
    let (world, admin, openstack) = two_of_files();
    let id = made(&admin, &json!({"size": 1, "volume_type": "fast", "name": "data"}));
    let before = file_of(&admin, &id);
    write(&before, &[(7, 0, 40), (9, 300, 1), (3, 1023, 1)]);
    let kept = copy(&before, &world.state().join("kept.raw"));

    // Without leave to move, it stays, and its project is told why.
    openstack.run(&["volume", "set", "--type", "slow", "--retype-policy", "never", "data"]);
    let stays = shown(&admin, &id);
    assert_eq!((&stays["volume_type"], &stays["status"]), (&json!("fast"), &json!("available")));
    let told = admin.volume("GET", "/messages", &Value::Null).expect(200).to_string();
    assert!(told.contains("requires migration but is not allowed"), "{told}");
    // A snapshot keeps it, too.
    let taken = admin.volume("POST", "/snapshots", &json!({"snapshot": {"volume_id": id}}));
    let taken = taken.expect(202).pointer("/snapshot/id").unwrap().as_str().unwrap().to_owned();
    eventually("the snapshot is there", PATIENCE, || {
        let path = format!("/snapshots/{taken}");
        let found = admin.volume("GET", &path, &Value::Null).expect(200);
        let is_there = found.pointer("/snapshot/status") == Some(&json!("available"));
        if is_there { Ok(()) } else { Err(found.to_string()) }
    });
    let host = shown(&admin, &id)["os-vol-host-attr:host"].as_str().unwrap().to_owned();
    let slow = host.replace("fast", "slow");
    let refused = act(&admin, &id, &json!({"os-migrate_volume": {"host": slow}}), 400);
    assert!(refused.to_string().contains("must not have snapshots"), "{refused}");
    admin.volume("DELETE", &format!("/snapshots/{taken}"), &Value::Null).expect(202);
    eventually("the snapshot is gone", PATIENCE, || {
        let list = admin.volume("GET", "/snapshots", &Value::Null).expect(200);
        if list["snapshots"] == json!([]) { Ok(()) } else { Err(list.to_string()) }
    });

    openstack.run(&["volume", "set", "--type", "slow", "--retype-policy", "on-demand", "data"]);
    let moved = arrived(&admin, &id, "slow");
    assert_eq!(moved["volume_type"], "slow", "{moved}");
    let after = file_of(&admin, &id);
    assert!(same(&after, &kept));
    // Holes stay holes.
    let taken = fs::metadata(&after.0).unwrap().blocks() * 512;
    assert!((42 * MIB..60 * MIB).contains(&taken), "{taken}");
    assert_eq!(left(&world, "fast", &id), Vec::<String>::new());

    // Where the type does not fit, the administrator is told; another type of the same backend is a matter of the row.
    act(&admin, &id, &json!({"os-migrate_volume": {"host": host}}), 202);
    wait(&admin, &id, "refused", |volume| volume["migration_status"] == "error");
    act(&admin, &id, &json!({"os-reset_status": {"migration_status": "none"}}), 202);
    openstack.run(&["volume", "set", "--type", "__DEFAULT__", "data"]);
    assert_eq!(shown(&admin, &id)["volume_type"], "__DEFAULT__");
    openstack.run(&["volume", "migrate", "--host", &host, "--lock-volume", "data"]);
    let back = arrived(&admin, &id, "fast");
    assert_eq!(back["os-vol-mig-status-attr:migstat"], "success", "{back}");
    assert!(same(&file_of(&admin, &id), &kept));
    assert_eq!(left(&world, "slow", &id), Vec::<String>::new());
    let listed =
        admin.volume("GET", &format!("/volumes?host={}", host.replace('#', "%23")), &Value::Null);
    assert_eq!(listed.expect(200)["volumes"].as_array().unwrap().len(), 1);

    for (host, why) in [("nowhere@fast#fast", "No available service"), (&host, "must be different")]
    {
        let refused = act(&admin, &id, &json!({"os-migrate_volume": {"host": host}}), 400);
        assert!(refused.to_string().contains(why), "{refused}");
    }
    admin.volume("DELETE", &format!("/volumes/{id}"), &Value::Null).expect(202);
    eventually("the volume is gone", PATIENCE, || {
        let list = admin.volume("GET", "/volumes", &Value::Null).expect(200);
        if list["volumes"] == json!([]) { Ok(()) } else { Err(list.to_string()) }
    });
    assert_eq!(left(&world, "fast", &id), Vec::<String>::new());
}

/// The cloud dies in the middle of the copy, again and again: in the end the volume is whole in one place.
#[test]
fn a_cloud_that_is_killed_while_a_volume_moves_goes_on() {
    let (mut world, mut admin, _) = two_of_files();
    let id = made(&admin, &json!({"size": 1, "volume_type": "fast"}));
    let before = file_of(&admin, &id);
    write(&before, &[(7, 0, 300), (5, 500, 100), (3, 1023, 1)]);
    let kept = copy(&before, &world.state().join("kept.raw"));
    let retype = json!({"os-retype": {"new_type": "slow", "migration_policy": "on-demand"}});
    act(&admin, &id, &retype, 202);
    for least in [1, 64 * MIB] {
        let part = world.state().join("volumes/slow").join(format!(".new-volume-{id}"));
        eventually("some of it is copied, or all", PATIENCE, || {
            let copied = fs::metadata(&part).map_or(0, |found| found.blocks() * 512);
            let is_done = shown(&admin, &id)["status"] == "available";
            if copied >= least || is_done { Ok(()) } else { Err(copied.to_string()) }
        });
        let busy = shown(&admin, &id);
        assert!(["retyping", "available"].contains(&busy["status"].as_str().unwrap()), "{busy}");
        world.kill();
        world.up();
        admin = world.admin();
    }
    let moved = arrived(&admin, &id, "slow");
    assert_eq!(moved["volume_type"], "slow", "{moved}");
    assert!(same(&file_of(&admin, &id), &kept));
    assert_eq!(left(&world, "fast", &id), Vec::<String>::new());
    assert_eq!(left(&world, "slow", &id).len(), 1, "{:?}", left(&world, "slow", &id));
}

/// The volume goes out, its file stays, and comes in again as another volume; what is hostile stays outside.
#[test]
fn a_file_of_the_folder_becomes_a_volume() {
    let (world, admin, _) = two_of_files();
    let id = made(&admin, &json!({"size": 1, "volume_type": "fast", "name": "out"}));
    let before = file_of(&admin, &id);
    write(&before, &[(7, 0, 5)]);
    let kept = copy(&before, &world.state().join("kept.raw"));
    let host = shown(&admin, &id)["os-vol-host-attr:host"].as_str().unwrap().to_owned();
    act(&admin, &id, &json!({"os-unmanage": {}}), 202);
    eventually("the volume is gone", PATIENCE, || {
        let list = admin.volume("GET", "/volumes", &Value::Null).expect(200);
        if list["volumes"] == json!([]) { Ok(()) } else { Err(list.to_string()) }
    });
    let folder = world.state().join("volumes/fast");
    let out = format!("volume-{id}.qcow2");
    assert!(folder.join(&out).exists());
    let hostile = folder.join("hostile.qcow2");
    let secret = world.state().join("hatchery.toml");
    let lay = Command::new("qemu-img")
        .args(["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b"])
        .args([secret.as_os_str(), hostile.as_os_str()])
        .arg("1M")
        .status()
        .unwrap();
    assert!(lay.success());
    fs::copy(folder.join(&out), folder.join("plain.img")).unwrap();

    let path = format!("/manageable_volumes/detail?host={}", host.replace('#', "%23"));
    let listed = admin.volume("GET", &path, &Value::Null).expect(200);
    let listed = listed["manageable-volumes"].as_array().unwrap();
    let of = |name: &str| {
        let found = listed.iter().find(|one| one["reference"]["source-name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {listed:?}")).clone()
    };
    assert_eq!((&of(&out)["safe_to_manage"], &of(&out)["size"]), (&json!(true), &json!(1)));
    // A raw file that begins like another format, and a file that leads to others.
    for name in ["hostile.qcow2", "plain.img"] {
        assert_eq!(of(name)["safe_to_manage"], json!(false), "{}", of(name));
    }
    for name in ["hostile.qcow2", "plain.img", "../fast/plain.img", "nothing"] {
        let wanted = json!({"volume": {"host": host, "ref": {"source-name": name}}});
        let made = admin.volume("POST", "/manageable_volumes", &wanted).expect(202);
        let bad = made["volume"]["id"].as_str().unwrap().to_owned();
        wait(&admin, &bad, "refused", |volume| volume["status"] == "error_managing");
        admin.volume("DELETE", &format!("/volumes/{bad}"), &Value::Null).expect(202);
    }
    let wanted = json!({"volume": {
        "host": host, "ref": {"source-name": out}, "name": "in", "bootable": true,
        "volume_type": "fast", "metadata": {"a": "b"},
    }});
    let made = admin.volume("POST", "/os-volume-manage", &wanted).expect(202);
    assert_eq!(made["volume"]["status"], "managing", "{made}");
    let new = made["volume"]["id"].as_str().unwrap().to_owned();
    let taken = wait(&admin, &new, "there", |volume| volume["status"] == "available");
    assert_eq!((&taken["size"], &taken["bootable"]), (&json!(1), &json!("true")), "{taken}");
    assert!(same(&file_of(&admin, &new), &kept));
    assert!(!folder.join(&out).exists() && folder.join("plain.img").exists());
}

/// A backend of files and one in Ceph, and a type for each.
fn files_and_ceph(ceph: &CephCluster) -> (World, Client) {
    let conf = ceph.conf();
    let groups = format!(
        "[fast]\nvolume_driver = \"file\"\n[ceph]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{}\"\n",
        conf.display()
    );
    let world = world("fast,ceph", &groups);
    let admin = world.admin();
    for name in ["fast", "ceph"] {
        let wanted = json!({"volume_type": {
            "name": name, "extra_specs": {"volume_backend_name": name},
        }});
        admin.volume("POST", "/types", &wanted).expect(200);
    }
    (world, admin)
}

/// From files to Ceph, and back.
#[test]
fn a_volume_moves_to_ceph_and_back() {
    let Some(ceph) = CephCluster::start("a_volume_moves_to_ceph_and_back") else { return };
    let (mut world, mut admin) = files_and_ceph(&ceph);
    let id = made(&admin, &json!({"size": 1, "volume_type": "fast"}));
    let before = file_of(&admin, &id);
    write(&before, &[(7, 0, 200), (9, 700, 4)]);
    let kept = copy(&before, &world.state().join("kept.raw"));
    let retype = |to: &str| json!({"os-retype": {"new_type": to, "migration_policy": "on-demand"}});
    act(&admin, &id, &retype("ceph"), 202);
    // In the middle of it, if it takes so long.
    eventually("some of it is in Ceph", PATIENCE, || {
        let pool = ceph.rbd(&["ls", "volumes"]);
        let is_done = shown(&admin, &id)["status"] == "available";
        if pool.contains(&id) || is_done { Ok(()) } else { Err(pool) }
    });
    world.kill();
    world.up();
    admin = world.admin();
    arrived(&admin, &id, "ceph");
    assert_eq!(left(&world, "fast", &id), Vec::<String>::new());
    let out = world.state().join("out.raw");
    ceph.rbd(&["export", &format!("volumes/volume-{id}"), out.to_str().unwrap()]);
    assert!(same(&(out, "raw".into()), &kept));

    act(&admin, &id, &retype("fast"), 202);
    arrived(&admin, &id, "fast");
    assert!(same(&file_of(&admin, &id), &kept));
    let pool = ceph.rbd(&["ls", "volumes"]) + &ceph.rbd(&["trash", "ls", "volumes"]);
    assert_eq!(pool.trim(), "");
}

/// A snapshot of a volume, by its name.
fn snapshot(admin: &Client, name: &str, status: &str) -> Value {
    eventually(&format!("the snapshot {name} is {status}"), PATIENCE, || {
        let path = format!("/snapshots?name={name}");
        let listed = admin.volume("GET", &path, &Value::Null).expect(200);
        let one = listed["snapshots"][0].clone();
        if one["status"] == status { Ok(one) } else { Err(one.to_string()) }
    })
}

fn snapshot_is_gone(admin: &Client, id: &str) {
    eventually("the snapshot is forgotten", PATIENCE, || {
        let answer = admin.volume("GET", &format!("/snapshots/{id}"), &Value::Null);
        if answer.status == 404 { Ok(()) } else { Err(format!("{answer:?}")) }
    });
}

fn wanted(volume: &str, name: &str, source: &str) -> Value {
    json!({"snapshot": {"volume_id": volume, "name": name, "ref": {"source-name": source}}})
}

/// A snapshot that others have made of a volume in Ceph becomes one of the cloud, and goes out again.
#[test]
fn a_snapshot_of_others_is_taken_and_left_in_ceph() {
    let test = "a_snapshot_of_others_is_taken_and_left_in_ceph";
    let Some(ceph) = CephCluster::start(test) else { return };
    let (mut world, admin) = files_and_ceph(&ceph);
    let openstack = world.openstack();
    let id = made(&admin, &json!({"size": 1, "volume_type": "ceph", "name": "data"}));
    let image = format!("volumes/volume-{id}");
    let snapshots = || ceph.rbd(&["snap", "ls", &image]);
    ceph.rbd(&["snap", "create", &format!("{image}@theirs")]);
    let create = ["volume", "snapshot", "create", "--remote-source", "source-name=theirs"];
    openstack.run(&[&create[..], &["--volume", "data", "-f", "json", "taken"]].concat());
    let taken = snapshot(&admin, "taken", "available");
    let taken_id = taken["id"].as_str().unwrap();
    assert_eq!((&taken["size"], &taken["volume_id"]), (&json!(1), &json!(id)));
    let own = format!("snapshot-{taken_id}");
    assert!(snapshots().contains(&own) && !snapshots().contains("theirs"));
    let of = made(&admin, &json!({"size": 1, "snapshot_id": taken_id}));
    let clones = ceph.rbd(&["children", &format!("{image}@{own}")]);
    assert!(clones.contains(&of), "{clones}");

    ceph.rbd(&["snap", "create", &format!("{image}@other")]);
    what_can_be_taken_is_listed(&admin, &id, taken_id);
    admin.volume("POST", "/os-snapshot-manage", &wanted(&id, "none", "none")).expect(202);
    snapshot(&admin, "none", "error");
    admin.volume("POST", "/os-snapshot-manage", &wanted(&id, "again", &own)).expect(400);

    // Killed at once, the cloud goes on with both.
    admin.volume("POST", "/manageable_snapshots", &wanted(&id, "second", "other")).expect(202);
    let unmanage = json!({"os-unmanage": null});
    admin.volume("POST", &format!("/snapshots/{taken_id}/action"), &unmanage).expect(202);
    world.kill();
    world.up();
    let admin = world.admin();
    snapshot_is_gone(&admin, taken_id);
    let second = snapshot(&admin, "second", "available");
    let second = second["id"].as_str().unwrap();
    assert!(snapshots().contains(&own) && snapshots().contains(second));
    // One that was taken goes as any other.
    admin.volume("DELETE", &format!("/snapshots/{second}"), &Value::Null).expect(202);
    snapshot_is_gone(&admin, second);
    assert!(!snapshots().contains(second));

    // Files have no snapshots of others.
    let id = made(&admin, &json!({"size": 1, "volume_type": "fast"}));
    let refused = admin.volume("POST", "/os-snapshot-manage", &wanted(&id, "x", "x")).expect(400);
    assert!(refused.to_string().contains("Ceph"), "{refused}");
}

/// The snapshot `other`, and the one that is the cloud's already.
fn what_can_be_taken_is_listed(admin: &Client, volume: &str, taken: &str) {
    let host = shown(admin, volume)["os-vol-host-attr:host"].as_str().unwrap().replace('#', "%23");
    let path = format!("/manageable_snapshots/detail?host={host}&sort=reference:asc");
    let listed = admin.volume("GET", &path, &Value::Null).expect(200);
    let all = listed["manageable-snapshots"].as_array().unwrap();
    let shown: Vec<_> = all
        .iter()
        .map(|one| (&one["reference"]["source-name"], &one["cinder_id"], &one["safe_to_manage"]))
        .collect();
    let own = json!(format!("snapshot-{taken}"));
    let other = (&json!("other"), &Value::Null, &json!(true));
    assert_eq!(shown, [other, (&own, &json!(taken), &json!(false))], "{listed}");
    assert_eq!(all[0]["source_reference"]["source-name"], format!("volume-{volume}"));
}
