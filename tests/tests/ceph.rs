//! A cloud whose images and volumes lie in a Ceph that the test starts, each under a user of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::CephCluster;
use hatchery_tests::{Client, Settings, World, boot_image, eventually};
use serde_json::{Value, json};
use std::fs;

const PATIENCE: u64 = 90;

/// The groups of a backend in Ceph under the name of the first one, and of the image store if that is to be there, too.
fn groups(ceph: &CephCluster, with_images: bool) -> String {
    let conf = ceph.conf();
    let conf = conf.display();
    let volumes = format!(
        "[file]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{conf}\"\n"
    );
    let images = format!(
        "[glance_store]\ndefault_store = \"rbd\"\nrbd_store_user = \"glance\"\nrbd_store_ceph_conf = \"{conf}\"\n"
    );
    if with_images { volumes + &images } else { volumes }
}

fn volume(admin: &Client, mut wanted: Value) -> Value {
    wanted["size"] = json!(1);
    let made = admin.volume("POST", "/volumes", &json!({"volume": wanted})).expect(202);
    let id = made["volume"]["id"].as_str().unwrap().to_owned();
    has_status(admin, &format!("/volumes/{id}"), "available")
}

fn has_status(admin: &Client, path: &str, status: &str) -> Value {
    eventually(&format!("{path} is {status}"), PATIENCE, || {
        let shown = admin.volume("GET", path, &Value::Null).expect(200);
        let shown = shown.as_object().unwrap().values().next().unwrap().clone();
        assert!(!shown["status"].as_str().unwrap().starts_with("error"), "{shown}");
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

fn image(admin: &Client, format: &str, file: &std::path::Path) -> String {
    let body = json!({"name": "i", "disk_format": format, "container_format": "bare"});
    let image = id(&admin.post("/image/v2/images", &body).expect(201));
    admin.put_file(&format!("/image/v2/images/{image}/file"), file).expect(204);
    image
}

fn parent(ceph: &CephCluster, volume: &str) -> Option<String> {
    let info = ceph.rbd(&["info", &format!("volumes/volume-{volume}")]);
    info.lines().find_map(|line| line.trim().strip_prefix("parent: ").map(str::to_owned))
}

/// The image tells where it lies.
fn assert_location(ceph: &CephCluster, admin: &Client, image: &str) {
    let shown = admin.get(&format!("/image/v2/images/{image}")).expect(200);
    let url = format!("rbd://{}/images/{image}/snap", ceph.fsid());
    assert_eq!(shown["direct_url"], url, "{shown}");
    assert_eq!(shown["locations"], json!([{"url": url, "metadata": {}}]), "{shown}");
}

/// The volume holds these bytes, and zeros up to 1 GiB.
fn assert_holds(ceph: &CephCluster, world: &World, volume: &str, bytes: &[u8]) {
    let out = world.state().join("volume.raw");
    ceph.rbd(&["export", &format!("volumes/volume-{volume}"), out.to_str().unwrap()]);
    let exported = fs::read(&out).unwrap();
    assert_eq!(exported.len(), 1 << 30);
    let (first, rest) = exported.split_at(bytes.len());
    assert!(first == bytes && rest.iter().all(|byte| *byte == 0));
}

/// Raw and qcow2: a volume shares every byte with its image, outlives it, and leaves nothing in any pool.
#[test]
fn volumes_are_clones_of_their_images() {
    let Some(ceph) = CephCluster::start("volumes_are_clones_of_their_images") else { return };
    let default = "show_image_direct_url = true\nshow_multiple_locations = true\n".to_owned();
    let toml = groups(&ceph, true);
    let world = World::start(Settings { default, toml, ..Settings::sim() });
    let admin = world.admin();
    let raw = world.state().join("pattern.raw");
    let bytes: Vec<u8> = (0..9_u32 << 20).map(|at| (at >> 12) as u8).collect();
    fs::write(&raw, &bytes).unwrap();
    let images =
        [(image(&admin, "raw", &raw), ""), (image(&admin, "qcow2", &boot_image()), ".raw")];
    let mut made = Vec::new();
    for (image, _) in &images {
        assert_location(&ceph, &admin, image);
    }
    for (image, form) in &images {
        let volume = volume(&admin, json!({"imageRef": image}));
        let way = &volume["os-hatchery:way"];
        assert_eq!(way["bytes_copied"], 0, "{volume}");
        let cloned = parent(&ceph, &id(&volume));
        assert_eq!(cloned, Some(format!("images/{image}{form}@snap")), "{way}");
        made.push(id(&volume));
    }
    assert_holds(&ceph, &world, &made[0], &bytes);
    let wanted = json!({"snapshot": {"volume_id": made[0]}});
    let taken = admin.volume("POST", "/snapshots", &wanted).expect(202);
    let taken = id(&taken["snapshot"]);
    has_status(&admin, &format!("/snapshots/{taken}"), "available");
    made.push(id(&volume(&admin, json!({"snapshot_id": taken}))));
    made.push(id(&volume(&admin, json!({"source_volid": made[0]}))));
    let of = |snapshot: String| Some(format!("volumes/volume-{}@{snapshot}", made[0]));
    assert_eq!(parent(&ceph, &made[2]), of(format!("snapshot-{taken}")));
    assert!(parent(&ceph, &made[3]).is_some());

    // Images go first, then what other volumes were made of, then those.
    for (image, _) in &images {
        admin.delete(&format!("/image/v2/images/{image}")).expect(204);
    }
    eventually("the images wait for their clones, and that is seen", PATIENCE, || {
        let metrics = admin.get("/metrics").body.to_string();
        let trash = ceph.rbd(&["trash", "ls", "images"]);
        let seen = metrics.contains("hatchery_image_removals_waiting 2");
        if seen && trash.lines().count() == 2 { Ok(()) } else { Err(trash) }
    });
    admin.volume("DELETE", &format!("/snapshots/{taken}"), &Value::Null).expect(202);
    eventually("the snapshot is gone", PATIENCE, || {
        let list = admin.volume("GET", "/snapshots", &Value::Null).expect(200);
        if list["snapshots"] == json!([]) { Ok(()) } else { Err(list.to_string()) }
    });
    for volume in &made {
        admin.volume("DELETE", &format!("/volumes/{volume}"), &Value::Null).expect(202);
        eventually("the volume is gone", PATIENCE, || {
            let list = admin.volume("GET", "/volumes", &Value::Null).expect(200).to_string();
            if list.contains(volume.as_str()) { Err(list) } else { Ok(()) }
        });
    }
    for what in [["ls", "volumes"], ["ls", "images"]] {
        eventually(&format!("rbd {what:?} shows nothing"), PATIENCE, || {
            let left = ceph.rbd(&what);
            if left.trim().is_empty() { Ok(()) } else { Err(left) }
        });
    }
    assert_eq!(ceph.rbd(&["trash", "ls", "volumes"]), "");
    eventually("the bytes of the images have gone with their clones", PATIENCE, || {
        let left = ceph.rbd(&["trash", "ls", "images"]);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

/// A guest takes a volume of Ceph and gives it back; the key is on no command line and in no log.
#[test]
fn a_guest_takes_a_volume_of_ceph() {
    let Some(ceph) = CephCluster::start("a_guest_takes_a_volume_of_ceph") else { return };
    eventually("the cluster tells what is free", PATIENCE, || {
        let df = ceph.ceph(&["df", "--format", "json"]);
        let told: Value = serde_json::from_str(&df).unwrap();
        let free = told["pools"][0]["stats"]["max_avail"].as_u64();
        if free.is_some_and(|free| free > 0) { Ok(()) } else { Err(df) }
    });
    let world = World::start(Settings { toml: groups(&ceph, false), ..Settings::qemu() });
    let admin = world.admin();
    let image = image(&admin, "qcow2", &boot_image());
    let body = json!({"flavor": {"name": "t", "ram": 192, "vcpus": 1, "disk": 1}});
    let flavor = id(&admin.post("/compute/v2.1/flavors", &body).expect(200)["flavor"]);
    let body = json!({"server": {
        "name": "s", "imageRef": image, "flavorRef": flavor, "networks": "none",
    }});
    let server = id(&admin.post("/compute/v2.1/servers", &body).expect(202)["server"]);
    let path = format!("/compute/v2.1/servers/{server}");
    eventually("the server is ACTIVE", PATIENCE, || {
        let shown = admin.get(&path).expect(200)["server"].clone();
        assert_ne!(shown["status"], "ERROR", "{}", shown["fault"]);
        if shown["status"] == "ACTIVE" { Ok(()) } else { Err(shown["status"].to_string()) }
    });
    // Image in a file, volume in Ceph: copied, and the reasons say why.
    let copied = volume(&admin, json!({"imageRef": image}));
    assert!(copied["os-hatchery:way"]["bytes_copied"].as_u64().unwrap() > 0, "{copied}");
    assert_eq!(parent(&ceph, &id(&copied)), None);
    let volume = id(&copied);
    let body = json!({"volumeAttachment": {"volumeId": volume}});
    admin.post(&format!("{path}/os-volume_attachments"), &body).expect(200);
    has_status(&admin, &format!("/volumes/{volume}"), "in-use");
    let watched =
        || ceph.rbd(&["status", &format!("volumes/volume-{volume}")]).contains("watcher=");
    eventually("QEMU has it open", PATIENCE, || if watched() { Ok(()) } else { Err("no".into()) });
    let key = ceph.key("cinder");
    for pid in world.census().processes.values() {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&words).contains(&key));
    }
    assert!(!world.log().contains(&key));
    admin.delete(&format!("{path}/os-volume_attachments/{volume}")).expect(202);
    has_status(&admin, &format!("/volumes/{volume}"), "available");
    assert!(!watched());
}
