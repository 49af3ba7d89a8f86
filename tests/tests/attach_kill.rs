//! The cloud, or Ceph's only OSD, is killed while a running guest is given a volume or gives it back: afterwards the guest has what the cloud says that it has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::{CephCluster, ObjectStore};
use hatchery_tests::{Client, Guests, Openstack, Settings, World, eventually, wait_for};
use serde_json::{Value, json};

/// Seconds until an order has surely been given again, and done.
const PATIENCE: u64 = 120;

fn id(openstack: &Openstack, what: &str, name: &str) -> String {
    openstack.json(&[what, "show", name])["id"].as_str().unwrap().to_owned()
}

/// Tries `work` on the cloud, and kills it, or every third time the OSD, after a moment that grows from round to round.
fn killed_in_the_middle(
    (world, ceph): (&mut World, &CephCluster),
    round: u32,
    work: impl FnOnce(&Client) + Send,
) {
    let (admin, process) = (world.admin(), world.process_id());
    let kills_osd = round % 3 == 2;
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| work(&admin));
        // From before the request has come to after the guest has it.
        for _ in 0..round * 12_000_000 {
            std::hint::spin_loop();
        }
        if kills_osd {
            ceph.node().kill("osd.0");
        } else {
            let pid = nix::unistd::Pid::from_raw(i32::try_from(process).unwrap());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        // Its request may have failed with the cloud.
        let _ = worker.join();
    });
    if kills_osd {
        ceph.node().start_again("osd.0").unwrap();
    } else {
        world.kill();
        world.up();
    }
}

/// The status of the volume, when it and the guest's own list of disks agree.
fn settled(world: &World, guests: &Guests, address: &str, volume: &str) -> String {
    eventually("guest and cloud agree", PATIENCE, || {
        let shown = world.admin().volume("GET", &format!("/volumes/{volume}"), &Value::Null);
        let status = shown.expect(200)["volume"]["status"].as_str().unwrap().to_owned();
        let has_it = guests.run(address, "cat /proc/partitions").contains("vdb");
        match (status.as_str(), has_it) {
            ("in-use", true) | ("available", false) => Ok(status),
            _ => Err(format!("{status}, the guest has it: {has_it}")),
        }
    })
}

#[test]
fn a_kill_during_attach_and_detach_leaves_guest_and_cloud_agreed() {
    let test = "a_kill_during_attach_and_detach_leaves_guest_and_cloud_agreed";
    // Of what lies in memory a killed OSD would leave nothing.
    let on_disk = |set: &mut hatchery_testkit::CephSettings| set.store = ObjectStore::Bluestore;
    let Some(ceph) = CephCluster::start_with(test, on_disk) else { return };
    let conf = ceph.conf();
    let toml = format!(
        "[file]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{}\"\n",
        conf.display()
    );
    let mut world = World::start(Settings { toml, ..Settings::qemu() });
    let guests = Guests::new(&world);
    let address = guests.boot("one", &["--image", "tiny"]);
    guests.openstack.run(&["volume", "create", "data", "--size", "1"]);
    wait_for(&guests.openstack, &["volume", "show", "data"], "available");
    let (server, volume) =
        (id(&guests.openstack, "server", "one"), id(&guests.openstack, "volume", "data"));
    let path = format!("/compute/v2.1/servers/{server}/os-volume_attachments");
    let mut seen = Vec::new();
    let mut status = "available".to_owned();
    for round in 0..9 {
        killed_in_the_middle((&mut world, &ceph), round, |admin| {
            if status == "available" {
                admin.post(&path, &json!({"volumeAttachment": {"volumeId": volume}}));
            } else {
                admin.delete(&format!("{path}/{volume}"));
            }
        });
        status = settled(&world, &guests, &address, &volume);
        seen.push(status.clone());
    }
    assert!(seen.contains(&"in-use".to_owned()), "{seen:?}");
    // What is there can be used, and leaves nothing.
    if status == "available" {
        guests.openstack.run(&["server", "add", "volume", "one", "data"]);
        wait_for(&guests.openstack, &["volume", "show", "data"], "in-use");
        settled(&world, &guests, &address, &volume);
    }
    guests.write(&address, "/dev/vdb", "kept");
    assert_eq!(guests.read(&address, "/dev/vdb"), "kept");
    guests.delete("one");
    wait_for(&guests.openstack, &["volume", "show", "data"], "available");
    guests.openstack.run(&["volume", "delete", "data"]);
    eventually("nothing is left in the pool", PATIENCE, || {
        let left = [ceph.rbd(&["ls", "volumes"]), ceph.rbd(&["trash", "ls", "--all", "volumes"])];
        if left.concat().trim().is_empty() { Ok(()) } else { Err(left.concat()) }
    });
}
