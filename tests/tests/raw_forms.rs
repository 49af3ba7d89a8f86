//! `force_raw_images`, switched on and off under a cloud that has guests: real images, real guests, and the files that they lie on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, World, boot_image, eventually};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn upload(admin: &Client, file: &Path) -> String {
    let body = json!({"name": "tiny", "disk_format": "qcow2", "container_format": "bare"});
    let image = admin.post("/image/v2/images", &body).expect(201);
    let id = image["id"].as_str().unwrap().to_owned();
    admin.put_file(&format!("/image/v2/images/{id}/file"), file).expect(204);
    id
}

fn flavor(admin: &Client) -> String {
    let body = json!({"flavor": {"name": "t", "ram": 192, "vcpus": 1, "disk": 1}});
    let made = admin.post("/compute/v2.1/flavors", &body).expect(200);
    made["flavor"]["id"].as_str().unwrap().to_owned()
}

fn boot(admin: &Client, image: &str, flavor: &str) -> String {
    let server = json!({"name": "s", "imageRef": image, "flavorRef": flavor, "networks": "auto"});
    let answer = admin.post("/compute/v2.1/servers", &json!({"server": server})).expect(202);
    let id = answer["server"]["id"].as_str().unwrap().to_owned();
    eventually("the server is ACTIVE", 60, || {
        let shown = admin.get(&format!("/compute/v2.1/servers/{id}")).expect(200);
        let server = &shown["server"];
        assert_ne!(server["status"], "ERROR", "{}", server["fault"]);
        if server["status"] == "ACTIVE" { Ok(()) } else { Err(server["status"].to_string()) }
    });
    id
}

fn is_ready(admin: &Client, server: &str) {
    let path = format!("/compute/v2.1/servers/{server}/action");
    eventually("the guest is ready", 150, || {
        let body = json!({"os-getConsoleOutput": {}});
        let output = admin.post(&path, &body).expect(200)["output"].clone();
        let text = output.as_str().unwrap().to_owned();
        if text.contains("TINY-READY") { Ok(()) } else { Err(text) }
    });
}

fn delete(admin: &Client, server: &str) {
    let path = format!("/compute/v2.1/servers/{server}");
    assert_eq!(admin.delete(&path).status, 204);
    eventually("the server is gone", 60, || match admin.get(&path).status {
        404 => Ok(()),
        other => Err(other.to_string()),
    });
}

/// The record of the image's base, and the base's file.
fn base(world: &World, image: &str) -> (Value, PathBuf) {
    let folder = world.state().join("instances/_base");
    fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.with_extension(""), fs::read(path).unwrap()))
        .map(|(base, text)| (serde_json::from_slice::<Value>(&text).unwrap(), base))
        .find(|(record, _)| record["image"] == image)
        .unwrap()
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).ino()
}

/// Switches the setting, by way of a restart. Guests go on.
fn force_raw(world: &mut World, on: bool) {
    assert!(world.stop());
    let file = world.state().join("hatchery.toml");
    let text = fs::read_to_string(&file).unwrap();
    let others = text.lines().filter(|line| !line.starts_with("force_raw_images"));
    let others: String = others.map(|line| format!("{line}\n")).collect();
    let set = format!("[DEFAULT]\nforce_raw_images = {on}\n");
    fs::write(&file, others.replacen("[DEFAULT]\n", &set, 1)).unwrap();
    world.up();
}

fn explained(admin: &Client, image: &str, flavor: &str) -> Value {
    let path = format!("/compute/v2.1/os-hatchery-explain?image={image}&flavor={flavor}");
    admin.get(&path).expect(200)
}

#[test]
fn the_setting_may_be_switched_under_running_guests() {
    let mut world = World::start(Settings::qemu());
    let admin = world.admin();
    let (old, flavor) = (upload(&admin, &boot_image()), flavor(&admin));
    let first = boot(&admin, &old, &flavor);
    let pool = world.state().join("pool/images");
    let raw_of = |image: &str| pool.join(".raw").join(image);
    assert_eq!(base(&world, &old).0["format"], "Qcow2");
    assert!(!raw_of(&old).exists());

    force_raw(&mut world, true);
    let admin = world.admin();
    eventually("the image from before has a raw form", 60, || {
        let base = explained(&admin, &old, &flavor)["base"].clone();
        if base["is_raw_form"] == true { Ok(()) } else { Err(base.to_string()) }
    });
    // Disks of this host name the base as qcow2: it stays so, also for the next.
    let second = boot(&admin, &old, &flavor);
    assert_eq!(base(&world, &old).0["format"], "Qcow2");
    assert_eq!(inode(&base(&world, &old).1), inode(&pool.join(&old)));
    is_ready(&admin, &second);

    // The same bytes again: one file for both images, one for both raw forms, and a base of the raw form.
    let new = upload(&admin, &boot_image());
    assert_eq!(inode(&pool.join(&new)), inode(&pool.join(&old)));
    assert_eq!(inode(&raw_of(&new)), inode(&raw_of(&old)));
    let shown = admin.get(&format!("/image/v2/images/{new}")).expect(200);
    assert_eq!(shown["disk_format"], "qcow2");
    assert_eq!(shown["size"], fs::metadata(boot_image()).unwrap().len());
    let third = boot(&admin, &new, &flavor);
    is_ready(&admin, &third);
    let (record, file) = base(&world, &new);
    assert_eq!((&record["format"], &record["inspector_version"]), (&json!("Raw"), &json!(1)));
    assert_eq!(inode(&file), inode(&raw_of(&new)));
    let mut explain = Command::new(World::binary());
    explain.args(["explain", "--image", &new, "--flavor", &flavor, "--state"]).arg(world.state());
    let text = String::from_utf8(explain.env_remove("OS_AUTH_URL").output().unwrap().stdout);
    assert!(text.as_ref().unwrap().contains("the raw form of"), "{text:?}");

    // Once no disk names it as qcow2, the base of the first image becomes raw, too.
    for server in [&first, &second] {
        delete(&admin, server);
    }
    let fourth = boot(&admin, &old, &flavor);
    assert_eq!(base(&world, &old).0["format"], "Raw");
    assert_eq!(inode(&base(&world, &old).1), inode(&raw_of(&old)));
    is_ready(&admin, &fourth);

    // Switched off again: what is there stays, and goes with its image.
    force_raw(&mut world, false);
    let admin = world.admin();
    for server in [&third, &fourth] {
        delete(&admin, server);
    }
    assert_eq!(admin.delete(&format!("/image/v2/images/{old}")).status, 204);
    assert!(!raw_of(&old).exists() && raw_of(&new).exists());
    assert_eq!(admin.delete(&format!("/image/v2/images/{new}")).status, 204);
    eventually("nothing is left in the pool", 30, || {
        let left = fs::read_dir(pool.join(".raw")).unwrap().count();
        if left == 0 { Ok(()) } else { Err(left.to_string()) }
    });
}
