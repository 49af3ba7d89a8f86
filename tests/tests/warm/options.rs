//! What the options do, from the command line.

use crate::existing::{Existing, base_name, bytes, error_of};
use hatchery_tests::{Client, World, eventually, sample_qcow2};
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Output};

/// An active qcow2 image of so many MiB.
fn qcow2_image(existing: &Existing, admin: &Client, mib: u64) -> String {
    let image = existing.glance.create(admin, json!({"disk_format": "qcow2"}));
    let file = sample_qcow2(existing.world.state(), mib);
    admin.put_file(&format!("/v2/images/{image}/file"), &file).expect(204);
    image
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

/// One pass with the cache, and no `_base`, on another filesystem than the store.
fn elsewhere(existing: &Existing, cache: &Path, how: &str) -> Output {
    let command = existing.command(&[]);
    let (program, vars) = (command.get_program().to_owned(), command.get_envs());
    let mut alone = Command::new(program);
    alone.envs(vars.filter_map(|(name, value)| Some((name, value?))));
    alone.arg("warm").arg("--images").arg(existing.glance.path("images")).arg("--cache").arg(cache);
    alone.args(["--once", "--owner", ":", "--other-filesystem", how]).output().unwrap()
}

#[test]
fn convert_links_a_raw_form_and_leaves_the_image_as_it_is() {
    let existing = Existing::start(None);
    let admin = existing.admin();
    let (cow, raw) =
        (qcow2_image(&existing, &admin, 16), existing.glance.upload(&admin, &bytes(1, 1 << 20)));
    let stored = existing.glance.path("images").join(&cow);
    let before = (inode(&stored), fs::read(&stored).unwrap());
    let output = existing.once(&["--convert", "raw"]);
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    let [cached, base] = existing.names(&cow);
    assert_eq!(inode(&cached), inode(&base));
    assert_ne!(inode(&base), before.0);
    assert_eq!(fs::metadata(&base).unwrap().len(), 16 << 20);
    assert!(fs::read(&base).unwrap().iter().all(|byte| *byte == 0));
    assert_eq!((inode(&stored), fs::read(&stored).unwrap()), before);
    assert!(existing.is_linked(&raw), "a raw image is its own base");
    let made = inode(&base);
    assert_eq!(existing.once(&["--convert", "raw"]).status.code(), Some(0));
    assert_eq!(inode(&base), made, "it is made once");
}

#[test]
fn bounds_of_the_cache_are_kept_and_what_does_not_fit_is_said() {
    let existing = Existing::start(None);
    let admin = existing.admin();
    let images = [1, 2, 3].map(|seed| existing.glance.upload(&admin, &bytes(seed, 1 << 20)));
    let output = existing.once(&["--max-count", "2"]);
    let said = error_of(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(images.iter().filter(|image| existing.is_linked(image)).count(), 2, "{said}");
    assert_eq!(said.matches("may have 2: raise max_count").count(), 1, "{said}");

    // A raw form is the cache's own; links of images that are there are not.
    let large = qcow2_image(&existing, &admin, 2048);
    let output = existing.once(&["--max-size-gb", "1", "--convert", "raw"]);
    let said = error_of(&output);
    assert!(images.iter().all(|image| existing.is_linked(image)), "{said}");
    assert!(existing.is_nowhere(&large), "{said}");
    assert!(said.lines().any(|line| line.contains(&large) && line.contains("GiB")), "{said}");
    assert_eq!(existing.once(&["--max-size-gb", "3", "--convert", "raw"]).status.code(), Some(0));
    assert!(existing.names(&large)[1].exists());
}

#[test]
fn an_image_on_another_filesystem_is_refused_or_copied_as_said() {
    let existing = Existing::start(None);
    let admin = existing.admin();
    let content = bytes(1, 1 << 20);
    let image = existing.glance.upload(&admin, &content);
    let stored = existing.glance.path("images").join(&image);
    let memory = tempfile::Builder::new().prefix("hatchery-warm-").tempdir_in("/dev/shm").unwrap();
    assert_ne!(fs::metadata(memory.path()).unwrap().dev(), fs::metadata(&stored).unwrap().dev());
    let name = memory.path().join(base_name(&image));
    for (how, why) in [("refuse", "on two filesystems"), ("reflink", "reflink")] {
        let output = elsewhere(&existing, memory.path(), how);
        let said = error_of(&output);
        assert_eq!(output.status.code(), Some(1), "{how}: {said}");
        assert!(said.contains(why) && !name.exists(), "{how}: {said}");
    }
    let output = elsewhere(&existing, memory.path(), "copy");
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    assert_eq!(fs::read(&name).unwrap(), content);
    assert_eq!(fs::metadata(&stored).unwrap().nlink(), 1);
}

#[test]
fn what_is_remembered_is_where_state_says() {
    let existing = Existing::start(None);
    existing.glance.upload(&existing.admin(), &bytes(1, 1 << 20));
    let file = existing.glance.path("remembered.json");
    let output = existing.once(&["--state", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    let text = fs::read_to_string(&file).unwrap();
    let remembered: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(remembered.is_object(), "{text}");
    assert!(!existing.glance.path("imagecache/.hatchery-pool.json").exists());
}

#[test]
fn a_scrub_finds_a_changed_byte_and_metrics_show_what_was_done() {
    let mut existing = Existing::start(None);
    let admin = existing.admin();
    let image = existing.glance.upload(&admin, &bytes(1, 1 << 20));
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    existing.keep(&["--interval", "0.2", "--scrub-mib-per-second", "64", "--metrics", &address]);
    existing.until_linked(&image);
    let metrics = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: warm\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let shown = metrics();
    assert!(shown.starts_with("HTTP/1.1 200"), "{shown}");
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("hatchery_base_deeds_total") && line.contains("linked")),
        "{shown}"
    );

    // A byte changes, and the file's times say nothing of it.
    let base = &existing.names(&image)[1];
    let about = fs::metadata(base).unwrap();
    let file = fs::File::options().write(true).open(base).unwrap();
    file.write_all_at(&[0], 4096).unwrap();
    file.set_modified(about.modified().unwrap()).unwrap();
    eventually("the change is found", 60, || {
        let log = existing.log();
        if log.contains("its bytes are not those that were taken in") { Ok(()) } else { Err(log) }
    });
    assert!(existing.end(Signal::SIGTERM), "{}", existing.log());
}

#[test]
fn the_manual_has_every_option_and_no_other() {
    let page = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/man/hatchery-warm.8"),
    )
    .unwrap();
    let help = Command::new(World::binary()).args(["warm", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let options = |text: &str, sign: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim_start).filter_map(|line| line.strip_prefix(sign));
        let mut found: Vec<String> = lines
            .map(|line| line.replace("\\-", "-"))
            .filter_map(|line| Some(line.strip_prefix("--")?.split_whitespace().next()?.to_owned()))
            .collect();
        found.sort();
        found.dedup();
        found
    };
    let help = help.replace("-h, --help", "--help");
    let (shown, written) = (options(&help, ""), options(&page, ".B "));
    assert!(shown.len() > 15, "{shown:?}");
    assert_eq!(shown, written);
}
