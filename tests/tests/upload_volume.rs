//! Images of volumes: the newest `openstack` client, unchanged, against the running cloud; bytes compared by QEMU's tools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_testkit::CephCluster;
use hatchery_tests::{Client, Openstack, Settings, World, eventually};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds until the agent has surely done an order.
const PATIENCE: u64 = 90;

fn wait_for(openstack: &Openstack, show: &[&str], status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), PATIENCE, || {
        let shown = openstack.json(show);
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

/// A disk of 3 MiB with its bytes in three places, as an image.
fn pattern(world: &World) -> PathBuf {
    let path = world.state().join("pattern.raw");
    let mut bytes = vec![0; 3 << 20];
    for at in [0x8000_usize, 1 << 20, (3 << 20) - 4096] {
        bytes[at..at + 4096].fill((at >> 12) as u8 | 1);
    }
    fs::write(&path, &bytes).unwrap();
    path
}

/// A volume of 1 GiB that holds the pattern, and then zeros.
fn make_volume(world: &World, openstack: &Openstack) -> Vec<u8> {
    let file = pattern(world);
    let name = file.to_str().unwrap();
    let line = ["image", "create", "--disk-format", "raw", "--file", name];
    openstack.run(&[&line[..], &["--property", "hw_disk_bus=scsi", "first"]].concat());
    openstack.run(&["volume", "create", "data", "--size", "1", "--image", "first"]);
    wait_for(openstack, &["volume", "show", "data"], "available");
    let mut wanted = fs::read(file).unwrap();
    wanted.resize(1 << 30, 0);
    wanted
}

fn download(openstack: &Openstack, image: &str, into: &Path) {
    let _none = fs::remove_file(into);
    openstack.run(&["image", "save", "--file", into.to_str().unwrap(), image]);
}

/// The disk in a qcow2 file, which is sound.
fn convert(from: &Path) -> Vec<u8> {
    let to = from.with_extension("converted");
    let name = |path: &Path| path.to_str().unwrap().to_owned();
    let (file, raw) = (name(from), name(&to));
    for line in [
        vec!["check", "-f", "qcow2", file.as_str()],
        vec!["convert", "-f", "qcow2", "-O", "raw", file.as_str(), raw.as_str()],
    ] {
        let out = Command::new("qemu-img").args(&line).output().unwrap();
        assert!(out.status.success(), "{line:?}: {}", String::from_utf8_lossy(&out.stdout));
    }
    fs::read(to).unwrap()
}

fn images(admin: &Client) -> usize {
    admin.get("/image/v2/images").expect(200)["images"].as_array().unwrap().len()
}

#[test]
fn a_volume_becomes_an_image_and_a_volume_again() {
    let world = World::start(Settings::sim());
    let openstack = world.openstack();
    let wanted = make_volume(&world, &openstack);
    for (name, format) in [("plain", "raw"), ("packed", "qcow2")] {
        let line = ["image", "create", "--volume", "data", "--disk-format", format, name];
        let told = openstack.json(&line);
        assert_eq!(told["status"], "uploading", "{told}");
        assert_eq!((&told["image_name"], &told["size"]), (&json!(name), &json!(1)), "{told}");
        let image = wait_for(&openstack, &["image", "show", name], "active");
        wait_for(&openstack, &["volume", "show", "data"], "available");
        assert_eq!(image["disk_format"], format, "{image}");
        assert_eq!(image["visibility"], "private", "{image}");
        assert_eq!(image["properties"]["hw_disk_bus"], "scsi", "{image}");
        let file = world.state().join(name);
        download(&openstack, name, &file);
        let got = if format == "raw" { fs::read(&file).unwrap() } else { convert(&file) };
        assert!(got == wanted, "{format}: {} bytes", got.len());
        if format == "qcow2" {
            assert!(fs::metadata(&file).unwrap().len() < 8 << 20, "only what is not zero");
        }
        // A volume of that image holds the same.
        let again = format!("again-{name}");
        openstack.run(&["volume", "create", &again, "--size", "1", "--image", name]);
        wait_for(&openstack, &["volume", "show", &again], "available");
        let line = ["image", "create", "--volume", &again, &format!("third-{name}")];
        openstack.run(&line);
        wait_for(&openstack, &["image", "show", &format!("third-{name}")], "active");
        download(&openstack, &format!("third-{name}"), &file);
        assert!(fs::read(&file).unwrap() == wanted, "{format}, after two turns");
    }
    // What cannot be is refused before anything is made.
    let before = images(&world.admin());
    let (ok, _, err) =
        openstack.try_run(&["image", "create", "--volume", "data", "--disk-format", "vmdk", "no"]);
    assert!(!ok && err.contains("choose raw or qcow2"), "{err}");
    assert_eq!(images(&world.admin()), before);
}

#[test]
fn a_volume_in_ceph_becomes_an_image_in_ceph() {
    let Some(ceph) = CephCluster::start("a_volume_in_ceph_becomes_an_image_in_ceph") else {
        return;
    };
    let conf = ceph.conf();
    let conf = conf.display();
    let toml = format!(
        "[file]\nvolume_driver = \"rbd\"\nrbd_pool = \"volumes\"\nrbd_user = \"cinder\"\nrbd_ceph_conf = \"{conf}\"\n\
         [glance_store]\ndefault_store = \"rbd\"\nrbd_store_user = \"glance\"\nrbd_store_ceph_conf = \"{conf}\"\n"
    );
    let world = World::start(Settings { toml, ..Settings::sim() });
    let openstack = world.openstack();
    let wanted = make_volume(&world, &openstack);
    openstack.run(&["image", "create", "--volume", "data", "plain"]);
    let image = wait_for(&openstack, &["image", "show", "plain"], "active");
    let id = image["id"].as_str().unwrap();
    let file = world.state().join("out");
    ceph.rbd(&["export", &format!("images/{id}@snap"), file.to_str().unwrap()]);
    assert!(fs::read(&file).unwrap() == wanted);
    // Volumes are clones of it.
    openstack.run(&["volume", "create", "again", "--size", "1", "--image", "plain"]);
    let again = wait_for(&openstack, &["volume", "show", "again"], "available");
    let clones = ceph.rbd(&["children", &format!("images/{id}@snap")]);
    assert!(clones.contains(again["id"].as_str().unwrap()), "{clones}");
    assert!(!ceph.rbd(&["ls", "images"]).contains("incoming"), "nothing half-made is left");
}

/// A kill of everything in the middle: there is one image in the end, and its bytes are right.
#[test]
fn an_upload_goes_on_after_a_kill() {
    let mut world = World::start(Settings::sim());
    let wanted = make_volume(&world, &world.openstack());
    let volume = world.openstack().json(&["volume", "show", "data"])["id"].clone();
    let path = format!("/volumes/{}/action", volume.as_str().unwrap());
    for round in 0..2 {
        let body = json!({"os-volume_upload_image": {"image_name": "kept"}});
        let told = world.admin().volume("POST", &path, &body).expect(202);
        let image = told["os-volume_upload_image"]["image_id"].as_str().unwrap().to_owned();
        world.kill();
        world.up();
        let openstack = world.openstack();
        wait_for(&openstack, &["image", "show", &image], "active");
        wait_for(&openstack, &["volume", "show", "data"], "available");
        assert_eq!(images(&world.admin()), round + 2);
        let file = world.state().join("out");
        download(&openstack, &image, &file);
        assert!(fs::read(&file).unwrap() == wanted);
    }
}

/// An image that is deleted while its bytes arrive leaves nothing, and its volume is there again.
#[test]
fn an_image_that_is_deleted_meanwhile_leaves_nothing() {
    let world = World::start(Settings::sim());
    let openstack = world.openstack();
    make_volume(&world, &openstack);
    let told = openstack.json(&["image", "create", "--volume", "data", "gone"]);
    world
        .admin()
        .delete(&format!("/image/v2/images/{}", told["image_id"].as_str().unwrap()))
        .expect(204);
    wait_for(&openstack, &["volume", "show", "data"], "available");
    let store = world.state().join("pool/images");
    eventually("only the first image's bytes are left", PATIENCE, || {
        let mut left = Vec::new();
        for folder in [store.clone(), store.join(".incoming"), store.join(".raw")] {
            let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
            left.extend(found.filter(|entry| entry.path().is_file()).map(|entry| entry.path()));
        }
        if left.len() == 1 && images(&world.admin()) == 1 {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
}
