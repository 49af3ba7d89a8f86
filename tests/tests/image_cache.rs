//! The image-volume cache of a backend in Ceph whose images lie in files, so that only a copy leads to them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::CephCluster;
use hatchery_tests::{Client, Settings, World, eventually};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

const PATIENCE: u64 = 90;
const MIB: usize = 1 << 20;

fn settings(ceph: &CephCluster) -> String {
    let conf = ceph.conf();
    format!(
        "[backend_defaults]\nimage_volume_cache_enabled = true\nimage_volume_cache_max_count = 2\n\
         [file]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{}\"\n",
        conf.display()
    )
}

fn text(of: &Value, key: &str) -> String {
    of[key].as_str().unwrap().to_owned()
}

fn image(world: &World, admin: &Client, byte: u8) -> String {
    let file = world.state().join(format!("{byte}.raw"));
    fs::write(&file, vec![byte; 6 * MIB]).unwrap();
    let body = json!({"name": "i", "disk_format": "raw", "container_format": "bare"});
    let image = text(&admin.post("/image/v2/images", &body).expect(201), "id");
    admin.put_file(&format!("/image/v2/images/{image}/file"), &file).expect(204);
    image
}

fn order(admin: &Client, image: &str) -> String {
    let wanted = json!({"volume": {"size": 2, "imageRef": image}});
    text(&admin.volume("POST", "/volumes", &wanted).expect(202)["volume"], "id")
}

fn made(admin: &Client, id: &str) -> Value {
    eventually("the volume is available", PATIENCE, || {
        let shown = admin.volume("GET", &format!("/volumes/{id}"), &Value::Null).expect(200);
        match shown["volume"]["status"].as_str().unwrap() {
            "available" => Ok(shown["volume"].clone()),
            "error" => panic!("{shown}"),
            _ => Err(shown.to_string()),
        }
    })
}

/// What the internal project has: names and ids.
fn kept(admin: &Client, own: &[String]) -> Vec<(String, String)> {
    let all = admin.volume("GET", "/volumes?all_tenants=1", &Value::Null).expect(200);
    let all = all["volumes"].as_array().unwrap().iter();
    let others = all.filter(|one| !own.contains(&text(one, "id")));
    others.map(|one| (text(one, "name"), text(one, "id"))).collect()
}

fn parent(ceph: &CephCluster, volume: &str) -> Option<String> {
    let info = ceph.rbd(&["info", &format!("volumes/volume-{volume}")]);
    info.lines().find_map(|line| line.trim().strip_prefix("parent: ").map(str::to_owned))
}

#[test]
fn an_image_is_copied_once_and_its_volumes_are_clones() {
    let test = "an_image_is_copied_once_and_its_volumes_are_clones";
    let Some(ceph) = CephCluster::start(test) else { return };
    let mut world = World::start(Settings { toml: settings(&ceph), ..Settings::sim() });
    let admin = world.admin();
    let images = [3, 5, 7].map(|byte| image(&world, &admin, byte));
    let mut ids: Vec<String> = (0..4).map(|_| order(&admin, &images[0])).collect();
    // The cloud dies while the image is brought in, and goes on.
    world.kill();
    world.up();
    let admin = world.admin();
    for (index, id) in ids.iter().enumerate() {
        let way = made(&admin, id)["os-hatchery:way"].clone();
        let (name, bytes) = if index == 0 { ("copy", 6 * MIB) } else { ("base in the cache", 0) };
        assert_eq!(
            (way["way"].as_str(), &way["bytes_copied"]),
            (Some(name), &json!(bytes)),
            "{way}"
        );
    }
    let entry = kept(&admin, &ids).remove(0);
    assert_eq!(entry.0, format!("image-{}", images[0]));
    let of = format!("volumes/volume-{}@image.clone_snap", entry.1);
    for id in &ids {
        assert_eq!(parent(&ceph, id).as_ref(), Some(&of));
    }
    let listed = admin.volume("GET", "/volumes", &Value::Null).expect(200);
    assert_eq!(listed["volumes"].as_array().unwrap().len(), 4, "the cache is not its user's");

    for image in &images[1..] {
        let id = order(&admin, image);
        made(&admin, &id);
        ids.push(id);
    }
    let names: BTreeSet<String> = kept(&admin, &ids).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, images[1..].iter().map(|image| format!("image-{image}")).collect());
    // The one that had to leave is what its clones lie on: it goes from the pool with the last of them.
    let out = world.state().join("out.raw");
    ceph.rbd(&["export", &format!("volumes/volume-{}", ids[3]), out.to_str().unwrap()]);
    let bytes = fs::read(&out).unwrap();
    assert!(bytes.len() == 2 << 30 && bytes[..6 * MIB].iter().all(|byte| *byte == 3));
    assert!(bytes[6 * MIB..].iter().all(|byte| *byte == 0));

    ids.extend(kept(&admin, &ids).into_iter().map(|(_, id)| id));
    for id in &ids {
        admin.volume("DELETE", &format!("/volumes/{id}"), &Value::Null).expect(202);
    }
    eventually("nothing is left", PATIENCE, || {
        let rows = admin.volume("GET", "/volumes?all_tenants=1", &Value::Null).expect(200);
        let left = ceph.rbd(&["ls", "volumes"]) + &ceph.rbd(&["trash", "ls", "volumes"]);
        let is_empty = rows["volumes"] == json!([]) && left.trim().is_empty();
        if is_empty { Ok(()) } else { Err(format!("{rows} {left}")) }
    });
}

/// Makes an image of a volume: its id, and that of the volume that keeps it.
fn uploaded(admin: &Client, source: &str) -> (String, String) {
    let body = json!({"os-volume_upload_image": {"image_name": "of", "disk_format": "raw"}});
    let told = admin.volume("POST", &format!("/volumes/{source}/action"), &body).expect(202);
    let image = text(&told["os-volume_upload_image"], "image_id");
    eventually("the image is active", PATIENCE, || {
        let shown = admin.get(&format!("/image/v2/images/{image}")).expect(200);
        if shown["status"] == "active" { Ok(()) } else { Err(shown.to_string()) }
    });
    made(admin, source);
    let own = kept(admin, &[source.to_owned()]);
    let found = own.iter().find(|(name, _)| *name == format!("image-{image}"));
    let own = found.unwrap_or_else(|| panic!("{own:?}")).1.clone();
    (image, own)
}

/// Images lie in files, and one that is made of a volume in Ceph is kept there as a volume, too: further volumes are clones of that.
#[test]
fn an_image_of_a_volume_is_kept_as_a_volume() {
    let Some(ceph) = CephCluster::start("an_image_of_a_volume_is_kept_as_a_volume") else { return };
    let toml = settings(&ceph).replace(
        "[backend_defaults]",
        "[backend_defaults]\nimage_upload_use_cinder_backend = true",
    );
    let default = "allowed_direct_url_schemes = \"cinder\"\n".to_owned();
    let world = World::start(Settings { default, toml, ..Settings::sim() });
    let admin = world.admin();
    let first = image(&world, &admin, 9);
    let source = order(&admin, &first);
    made(&admin, &source);
    let (image, own) = uploaded(&admin, &source);
    let volume = order(&admin, &image);
    let way = made(&admin, &volume)["os-hatchery:way"].clone();
    assert_eq!(
        (way["way"].as_str(), &way["bytes_copied"]),
        (Some("clone of the image's volume"), &json!(0)),
        "{way}"
    );
    let of = format!("volumes/volume-{own}@image.clone_snap");
    assert_eq!(parent(&ceph, &volume), Some(of));
    let out = world.state().join("out.raw");
    ceph.rbd(&["export", &format!("volumes/volume-{volume}"), out.to_str().unwrap()]);
    let bytes = fs::read(&out).unwrap();
    assert!(
        bytes[..6 * MIB].iter().all(|byte| *byte == 9) && bytes[6 * MIB..].iter().all(|b| *b == 0)
    );
    // The image takes its volume along; what was cloned of it stays whole.
    admin.delete(&format!("/image/v2/images/{image}")).expect(204);
    eventually("the image's volume is gone", PATIENCE, || {
        let left = kept(&admin, &[source.clone(), volume.clone()]);
        if left.iter().any(|(_, id)| *id == own) { Err(format!("{left:?}")) } else { Ok(()) }
    });
    fs::remove_file(&out).unwrap();
    ceph.rbd(&["export", &format!("volumes/volume-{volume}"), out.to_str().unwrap()]);
    assert!(fs::read(&out).unwrap() == bytes);
}

/// At the end of a chain the volume of an image is flattened, and whoever wants one of it meanwhile neither waits nor copies.
#[test]
fn the_volume_of_an_image_ends_its_chain_in_the_background() {
    let test = "the_volume_of_an_image_ends_its_chain_in_the_background";
    let Some(ceph) = CephCluster::start(test) else { return };
    let toml = settings(&ceph).replace(
        "[backend_defaults]",
        "[backend_defaults]\nimage_upload_use_cinder_backend = true\nrbd_max_clone_depth = 1",
    );
    let default = "allowed_direct_url_schemes = \"cinder\"\n".to_owned();
    let mut world = World::start(Settings { default, toml, ..Settings::sim() });
    let admin = world.admin();
    // Its image is in the cache then, and it is a clone of that: at the limit itself.
    let cached = image(&world, &admin, 9);
    let source = order(&admin, &cached);
    made(&admin, &source);
    let (image, own) = uploaded(&admin, &source);
    // The agent may die in it: the next one that wants a volume of the image has it begun again.
    world.kill();
    world.up();
    let admin = world.admin();
    let volumes: Vec<String> = (0..4).map(|_| order(&admin, &image)).collect();
    let clone = |volume: &String| {
        let way = made(&admin, volume)["os-hatchery:way"].clone();
        assert_eq!(way["way"], "clone of the image's volume", "{way}");
        assert!(way["bytes_copied"] == json!(0), "{way}");
        parent(&ceph, volume).unwrap()
    };
    let of_own = format!("volumes/volume-{own}@image.clone_snap");
    for volume in &volumes {
        let of = clone(volume);
        let beside = of.starts_with(&format!("volumes/volume-{source}@"));
        assert!(of == of_own || beside, "{of}");
    }
    eventually("the image's volume stands by itself", PATIENCE, || {
        parent(&ceph, &own).map_or(Ok(()), Err)
    });
    assert_eq!(clone(&order(&admin, &image)), of_own);
    let snapshots = ceph.rbd(&["snap", "ls", &format!("volumes/volume-{source}")]);
    assert!(!snapshots.contains("clone_snap"), "{snapshots}");
    for volume in &volumes {
        let out = world.state().join("out.raw");
        ceph.rbd(&["export", &format!("volumes/volume-{volume}"), out.to_str().unwrap()]);
        let bytes = fs::read(&out).unwrap();
        assert!(bytes[..6 * MIB].iter().all(|byte| *byte == 9));
        fs::remove_file(&out).unwrap();
    }
}

/// Where the image store is `cinder`, too, each raw image is kept as a volume before anybody asks for one.
#[test]
fn images_are_kept_as_volumes_of_the_internal_project() {
    let test = "images_are_kept_as_volumes_of_the_internal_project";
    let Some(ceph) = CephCluster::start(test) else { return };
    let default = "allowed_direct_url_schemes = \"cinder\"\n".to_owned();
    let toml = settings(&ceph) + "[glance_store]\nstores = \"file,cinder\"\n";
    let mut world = World::start(Settings { default, toml, ..Settings::sim() });
    let image = image(&world, &world.admin(), 9);
    world.kill();
    world.up();
    let admin = world.admin();
    let (name, own) = eventually("the image is kept as a volume", PATIENCE, || {
        kept(&admin, &[]).pop().ok_or_else(|| world.log())
    });
    assert_eq!(name, format!("image-{image}"));
    assert_eq!(made(&admin, &own)["os-hatchery:way"]["bytes_copied"], json!(6 * MIB));
    let volume = order(&admin, &image);
    let way = made(&admin, &volume)["os-hatchery:way"].clone();
    assert_eq!(
        (way["way"].as_str(), &way["bytes_copied"]),
        (Some("clone of the image's volume"), &json!(0)),
        "{way}"
    );
    assert_eq!(parent(&ceph, &volume), Some(format!("volumes/volume-{own}@image.clone_snap")));
    admin.delete(&format!("/image/v2/images/{image}")).expect(204);
    eventually("the image's volume is gone", PATIENCE, || {
        let left = kept(&admin, std::slice::from_ref(&volume));
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}
