//! Real guests that boot from volumes, and get and lose them while they run; with files, and with Ceph under volumes and disks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::CephCluster;
use hatchery_tests::{Guests, Settings, World, eventually, wait_for, wait_until_gone};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn what_a_guest_wrote_on_its_root_volume_boots_again_from_a_snapshot() {
    let world = World::start(Settings::qemu());
    let guests = Guests::new(&world);
    let openstack = &guests.openstack;
    openstack.run(&["volume", "create", "root", "--size", "1", "--image", "tiny"]);
    wait_for(openstack, &["volume", "show", "root"], "available");
    let first = guests.boot("first", &["--volume", "root"]);
    let shown = openstack.json(&["server", "show", "first"]);
    let root = openstack.json(&["volume", "show", "root"]);
    assert_eq!(root["status"], "in-use", "{root}");
    assert_eq!(shown["volumes_attached"][0]["id"], root["id"], "{shown}");
    assert!(shown["image"].as_str().unwrap().contains("booted from volume"), "{shown}");
    let (ok, _, err) = openstack.try_run(&["server", "remove", "volume", "first", "root"]);
    assert!(!ok && err.contains("root device"), "{err}");
    guests.write(&first, "/dev/vda", "hatched");
    // Of a volume that no guest has open the backend makes its snapshot itself.
    openstack.run(&["server", "stop", "first"]);
    wait_for(openstack, &["server", "show", "first"], "SHUTOFF");
    // Since 3.66 the client says nothing of force, and asks in an older version that needs it.
    let older = ["--os-volume-api-version", "3.60"];
    let line = ["volume", "snapshot", "create", "--volume", "root", "--force", "kept"];
    openstack.run(&[older.as_slice(), &line].concat());
    wait_for(openstack, &["volume", "snapshot", "show", "kept"], "available");
    guests.again("first", &["server", "start"]);
    guests.write(&first, "/dev/vda", "later");
    openstack.run(&["volume", "create", "second", "--snapshot", "kept"]);
    wait_for(openstack, &["volume", "show", "second"], "available");
    let second = guests.boot("second", &["--volume", "second"]);
    assert_eq!(guests.read(&second, "/dev/vda"), "hatched");
    assert_eq!(guests.read(&first, "/dev/vda"), "later");

    // After a reboot it has the disk that it had.
    guests.again("first", &["server", "reboot", "--hard"]);
    assert_eq!(guests.read(&first, "/dev/vda"), "later");
    guests.delete("first");
    guests.delete("second");
    for name in ["root", "second"] {
        wait_for(openstack, &["volume", "show", name], "available");
    }
    openstack.run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(openstack, &["volume", "snapshot", "list"]);
    openstack.run(&["volume", "delete", "root", "second"]);
    wait_until_gone(openstack, &["volume", "list"]);
}

#[test]
fn a_running_guest_gets_a_volume_and_gives_it_back() {
    let world = World::start(Settings::qemu());
    let guests = Guests::new(&world);
    let openstack = &guests.openstack;
    let line = ["--image", "tiny", "--boot-from-volume", "1"];
    let address = guests.boot("one", &line);
    let own = openstack.json(&["volume", "list"]);
    assert_eq!(own.as_array().unwrap().len(), 1, "{own}");
    openstack.run(&["volume", "create", "data", "--size", "1"]);
    wait_for(openstack, &["volume", "show", "data"], "available");
    openstack.run(&["server", "add", "volume", "one", "data"]);
    let data = wait_for(openstack, &["volume", "show", "data"], "in-use");
    assert_eq!(data["attachments"][0]["device"], "/dev/vdb", "{data}");
    let listed = openstack.json(&["server", "volume", "list", "one"]);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    eventually("the guest sees it", 60, || match guests.run(&address, "cat /proc/partitions") {
        text if text.contains("vdb") => Ok(()),
        text => Err(text),
    });
    guests.write(&address, "/dev/vdb", "kept");
    let (ok, _, err) = openstack.try_run(&["volume", "delete", "data"]);
    assert!(!ok && err.contains("attached"), "{err}");
    openstack.run(&["server", "remove", "volume", "one", "data"]);
    wait_for(openstack, &["volume", "show", "data"], "available");
    eventually("the guest has let go of it", 60, || {
        match guests.run(&address, "cat /proc/partitions") {
            text if text.contains("vdb") => Err(text),
            _ => Ok(()),
        }
    });
    // Plugged while the server is off, it is there when that is on again.
    openstack.run(&["server", "stop", "one"]);
    wait_for(openstack, &["server", "show", "one"], "SHUTOFF");
    openstack.run(&["server", "add", "volume", "one", "data"]);
    wait_for(openstack, &["volume", "show", "data"], "in-use");
    guests.again("one", &["server", "start"]);
    assert_eq!(guests.read(&address, "/dev/vdb"), "kept");
    guests.delete("one");
    wait_for(openstack, &["volume", "show", "data"], "available");
    openstack.run(&["volume", "delete", "data"]);
}

/// The cluster's configuration with admin sockets in a folder that guests may write to.
fn with_sockets(ceph: &CephCluster, folder: &Path) -> PathBuf {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o1777)).unwrap();
    let text = fs::read_to_string(ceph.conf()).unwrap();
    let socket = folder.join("$cluster-$type.$id.$pid.$cctid.asok");
    let with = text.replace("admin socket =\n", &format!("admin socket = {}\n", socket.display()));
    assert_ne!(with, text);
    let path = ceph.path("guests.conf");
    fs::write(&path, with).unwrap();
    path
}

/// What `hatchery ceph sockets` lists.
fn sockets(world: &World) -> Vec<Value> {
    let line = ["ceph", "sockets", "--json", "--state"];
    let out = Command::new(World::binary()).args(line).arg(world.state()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice::<Vec<Value>>(&out.stdout).unwrap()
}

/// A cloud whose images, volumes and servers' disks lie in Ceph, each under the user that an operator gives it.
fn in_ceph(ceph: &CephCluster, conf: &Path) -> Settings {
    eventually("the cluster tells what is free", 90, || {
        let df = ceph.ceph(&["df", "--format", "json"]);
        let told: Value = serde_json::from_str(&df).unwrap();
        let pools = told["pools"].as_array().unwrap();
        let free = |pool: &Value| pool["stats"]["max_avail"].as_u64().is_some_and(|free| free > 0);
        if pools.len() == 4 && pools.iter().all(free) { Ok(()) } else { Err(df) }
    });
    let conf = conf.display();
    let toml = format!(
        "[file]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{conf}\"\n\
         [glance_store]\ndefault_store = \"rbd\"\nrbd_store_user = \"glance\"\nrbd_store_ceph_conf = \"{conf}\"\n\
         [libvirt]\ndisk_cachemodes = \"network=writeback\"\nimages_type = \"rbd\"\nimages_rbd_pool = \"vms\"\nrbd_user = \"cinder\"\n\
         images_rbd_ceph_conf = \"{conf}\"\nrbd_secret_uuid = \"457eb676-33da-42ec-9a8c-9293d545c337\"\n"
    );
    Settings { toml, ..Settings::qemu() }
}

fn parent(ceph: &CephCluster, image: &str) -> Option<String> {
    let info = ceph.rbd(&["info", image]);
    info.lines().find_map(|line| line.trim().strip_prefix("parent: ").map(str::to_owned))
}

/// Nothing is left in a pool: images, trash, and what is noted of them.
fn is_empty(ceph: &CephCluster, pool: &str) {
    eventually(&format!("nothing is left in {pool}"), 120, || {
        let left = [ceph.rbd(&["ls", pool]), ceph.rbd(&["trash", "ls", "--all", pool])].concat();
        if left.trim().is_empty() { Ok(()) } else { Err(left) }
    });
    let notes = ceph.rbd(&["config", "pool", "list", pool]);
    assert!(!notes.contains("hatchery"), "{notes}");
}

#[test]
fn a_server_s_own_disk_is_a_clone_in_ceph_and_keeps_what_its_guest_wrote() {
    let test = "a_server_s_own_disk_is_a_clone_in_ceph_and_keeps_what_its_guest_wrote";
    let Some(ceph) = CephCluster::start(test) else { return };
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let mut world = World::start(in_ceph(&ceph, &with_sockets(&ceph, folder.path())));
    let guests = Guests::new(&world);
    let openstack = &guests.openstack;
    let image = openstack.json(&["image", "show", "tiny"])["id"].as_str().unwrap().to_owned();
    let told = world.command("explain").args(["--image", "tiny", "--flavor", "small"]).output();
    let told = String::from_utf8(told.unwrap().stdout).unwrap();
    for text in [
        "chosen   clone in place, which copies 0 bytes",
        "disks    Ceph, pool vms",
        "and not in files",
    ] {
        assert!(told.contains(text), "{told}");
    }

    let address = guests.boot("one", &["--image", "tiny"]);
    let id = openstack.json(&["server", "show", "one"])["id"].as_str().unwrap().to_owned();
    let disk = format!("vms/{id}_disk");
    assert_eq!(parent(&ceph, &disk), Some(format!("images/{image}.raw@snap")));
    assert!(ceph.rbd(&["info", &disk]).contains("size 1 GiB"));
    assert!(!world.state().join("instances").join(&id).join("disk").exists());
    let secret = ceph.key("cinder");
    for pid in world.census().processes.values() {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&words).contains(&secret));
    }
    guests.write(&address, "/dev/vda", "hatched");
    guests.again("one", &["server", "reboot", "--hard"]);
    assert_eq!(guests.read(&address, "/dev/vda"), "hatched");
    openstack.run(&["server", "stop", "one"]);
    wait_for(openstack, &["server", "show", "one"], "SHUTOFF");
    guests.again("one", &["server", "start"]);

    let found = sockets(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["server"], json!(id));
    let open = json!([format!("images/{image}.raw"), disk]);
    assert_eq!((&found[0]["images"], &found[0]["rbd_cache"]), (&open, &json!(true)));
    assert_eq!(found[0]["process"], json!(world.census().processes[&id]));
    assert!(found[0]["guest"].as_str().unwrap().starts_with("instance-"), "{found:?}");
    assert!(found[0]["socket"].as_str().unwrap().starts_with(folder.path().to_str().unwrap()));
    let line = ["ceph", "sockets", "--state"];
    let out = Command::new(World::binary()).args(line).arg(world.state()).output().unwrap();
    let table = String::from_utf8(out.stdout).unwrap();
    assert!(table.starts_with("+-") && table.contains(&format!("{disk} |")), "{table}");

    // The guest outlives its agent, and the next one gives it the same disk.
    world.kill();
    world.up();
    assert_eq!(guests.read(&address, "/dev/vda"), "hatched");
    guests.again("one", &["server", "reboot", "--hard"]);
    assert_eq!(guests.read(&address, "/dev/vda"), "hatched");
    // Nor does it need its image.
    openstack.run(&["image", "delete", "tiny"]);
    guests.again("one", &["server", "reboot", "--hard"]);
    assert_eq!(guests.read(&address, "/dev/vda"), "hatched");
    assert!(!world.log().contains(&secret));
    guests.delete("one");
    assert_eq!(sockets(&world), Vec::<Value>::new());
    is_empty(&ceph, "vms");
}

#[test]
fn what_a_guest_wrote_on_a_volume_of_ceph_boots_again_from_a_snapshot() {
    let test = "what_a_guest_wrote_on_a_volume_of_ceph_boots_again_from_a_snapshot";
    let Some(ceph) = CephCluster::start(test) else { return };
    let world = World::start(in_ceph(&ceph, &ceph.conf()));
    let guests = Guests::new(&world);
    let openstack = &guests.openstack;
    let first = guests.boot("first", &["--image", "tiny", "--boot-from-volume", "1"]);
    let volumes = openstack.json(&["volume", "list"]);
    let root = volumes[0]["ID"].as_str().unwrap().to_owned();
    assert_eq!(volumes.as_array().unwrap().len(), 1, "{volumes}");
    let image = openstack.json(&["image", "show", "tiny"])["id"].as_str().unwrap().to_owned();
    let made_of = parent(&ceph, &format!("volumes/volume-{root}"));
    assert_eq!(made_of, Some(format!("images/{image}.raw@snap")));
    assert_eq!(ceph.rbd(&["ls", "vms"]), "");

    guests.write(&first, "/dev/vda", "hatched");
    // In Ceph a snapshot is made while the guest has the volume, of what has reached it.
    let older = ["--os-volume-api-version", "3.60"];
    let line = ["volume", "snapshot", "create", "--volume", &root, "--force", "kept"];
    openstack.run(&[older.as_slice(), &line].concat());
    let kept = wait_for(openstack, &["volume", "snapshot", "show", "kept"], "available");
    guests.write(&first, "/dev/vda", "later");
    openstack.run(&["volume", "create", "second", "--snapshot", "kept"]);
    let volume = wait_for(openstack, &["volume", "show", "second"], "available");
    let second = guests.boot("second", &["--volume", "second"]);
    let made_of = parent(&ceph, &format!("volumes/volume-{}", volume["id"].as_str().unwrap()));
    let snapshot = format!("snapshot-{}", kept["id"].as_str().unwrap());
    assert_eq!(made_of, Some(format!("volumes/volume-{root}@{snapshot}")));
    assert_eq!(guests.read(&second, "/dev/vda"), "hatched");
    assert_eq!(guests.read(&first, "/dev/vda"), "later");
    guests.again("first", &["server", "reboot", "--hard"]);
    assert_eq!(guests.read(&first, "/dev/vda"), "later");

    guests.delete("first");
    guests.delete("second");
    for volume in [root.as_str(), "second"] {
        wait_for(openstack, &["volume", "show", volume], "available");
    }
    openstack.run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(openstack, &["volume", "snapshot", "list"]);
    openstack.run(&["volume", "delete", &root, "second"]);
    wait_until_gone(openstack, &["volume", "list"]);
    is_empty(&ceph, "volumes");
}
