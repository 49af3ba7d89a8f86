//! `hatchery pool` and `hatchery heal`, as an operator types them: against a running cloud, and on the folders alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, World, eventually, sample_qcow2};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An image and a server on it, which runs.
fn server(world: &World, admin: &Client) -> (String, String) {
    let body = json!({"name": "tiny", "disk_format": "qcow2", "container_format": "bare"});
    let image =
        admin.post("/image/v2/images", &body).expect(201)["id"].as_str().unwrap().to_owned();
    let file = sample_qcow2(world.state(), 16);
    admin.put_file(&format!("/image/v2/images/{image}/file"), &file).expect(204);
    let body = json!({"server": {
        "name": "s", "imageRef": image, "flavorRef": "c1", "networks": "auto",
    }});
    let answer = admin.post("/compute/v2.1/servers", &body).expect(202);
    let server = answer["server"]["id"].as_str().unwrap().to_owned();
    eventually("the server is ACTIVE", 60, || {
        let shown = admin.get(&format!("/compute/v2.1/servers/{server}")).expect(200);
        let status = shown["server"]["status"].as_str().unwrap().to_owned();
        if status == "ACTIVE" { Ok(()) } else { Err(status) }
    });
    (image, server)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|found| found.ino())
}

/// A command on the folders, without a cloud.
fn on_folders(state: &Path, line: &[&str]) -> Output {
    let mut command = Command::new(World::binary());
    command.args(line);
    for (option, folder) in
        [("--cache", "pool/imagecache"), ("--images", "pool/images"), ("--base", "instances/_base")]
    {
        command.arg(option).arg(state.join(folder));
    }
    command.output().unwrap()
}

#[test]
fn bases_are_listed_verified_and_healed() {
    let mut world = World::start(Settings::sim());
    let admin = world.admin();
    let (image, server) = server(&world, &admin);
    let run = |line: &[&str]| {
        let mut command = Command::new(World::binary());
        command.args(line).arg("--state").arg(world.state()).env_remove("OS_AUTH_URL");
        command.output().unwrap()
    };
    let listed = eventually("the pool knows the base", 30, || {
        let pass = run(&["heal"]);
        assert!(pass.status.success(), "{}{}", text(&pass), String::from_utf8_lossy(&pass.stderr));
        let out = run(&["pool", "ls", "--format", "json"]);
        let bases: Value = serde_json::from_slice(&out.stdout).unwrap_or_default();
        if bases["bases"][0]["digest"].is_string() { Ok(bases) } else { Err(text(&out)) }
    });
    let base = &listed["bases"][0];
    assert_eq!((&base["image"], &base["image_name"]), (&json!(image), &json!("tiny")));
    assert_eq!((&base["format"], &base["health"]), (&json!("qcow2"), &json!("good")));
    assert_eq!(base["holders"][0]["server"], json!(server));
    let name = base["base"].as_str().unwrap().to_owned();
    let table = text(&run(&["pool", "ls"]));
    assert!(table.starts_with("+-") && table.contains("1 bases, 1 files, "), "{table}");
    let shown = text(&run(&["pool", "show", &image]));
    assert!(shown.contains(&format!("of server {server}")), "{shown}");
    let verified = run(&["pool", "verify", &image]);
    assert!(verified.status.success(), "{}", text(&verified));
    let healed = run(&["heal"]);
    assert!(healed.status.success() && text(&healed).contains("all is well"), "{}", text(&healed));
    let wrong = run(&["pool", "show", "tiny"]);
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("names no base"));

    assert!(world.stop(), "{}", world.log());
    without_a_cloud(world.state(), &image, &name, &server);
    world.up();
    let admin = world.admin();
    admin.delete(&format!("/compute/v2.1/servers/{server}")).expect(204);
}

/// The same commands where nobody answers.
fn without_a_cloud(state: &Path, image: &str, name: &str, server: &str) {
    let paths = ["pool/imagecache", "instances/_base"].map(|folder| state.join(folder).join(name));
    let stored = inode(&state.join("pool/images").join(image));
    assert!(paths.iter().all(|path| inode(path) == stored && stored.is_some()));
    let listed = on_folders(state, &["pool", "ls", "--format", "json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["bases"][0]["holders"][0]["server"], json!(server));

    for path in &paths {
        fs::remove_file(path).unwrap();
    }
    let missing = text(&on_folders(state, &["pool", "ls"]));
    assert!(missing.contains("missing"), "{missing}");
    let wished = on_folders(state, &["heal", "--dry-run"]);
    assert!(wished.status.success() && text(&wished).contains(server), "{}", text(&wished));
    assert!(paths.iter().all(|path| inode(path).is_none()), "a dry run changes nothing");
    let healed = on_folders(state, &["heal"]);
    assert!(healed.status.success() && text(&healed).contains(server), "{}", text(&healed));
    assert!(paths.iter().all(|path| inode(path) == stored), "{}", text(&healed));
    let well = on_folders(state, &["heal"]);
    assert!(text(&well).contains("all is well"), "{}", text(&well));
    assert!(on_folders(state, &["pool", "verify"]).status.success());

    let nowhere: PathBuf = state.join("nowhere");
    let out = Command::new(World::binary())
        .args(["pool", "ls", "--images"])
        .arg(state)
        .arg("--cache")
        .arg(nowhere)
        .output();
    let out = out.unwrap();
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("is it mounted"));
}
