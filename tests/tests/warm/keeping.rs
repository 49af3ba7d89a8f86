//! Links come, stay and go with the images, whoever is away or killed.

use crate::existing::{Existing, INSTANCE, base_name, bytes, error_of};
use hatchery_testkit::RabbitmqServer;
use hatchery_tests::eventually;
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

#[test]
fn images_are_linked_when_they_are_active_and_at_no_other_time() {
    let mut existing = Existing::start(None);
    let admin = existing.admin();
    existing.keep(&["--interval", "0.2"]);
    let first = existing.glance.upload(&admin, &bytes(1, 1 << 20));
    existing.until_linked(&first);
    let about = fs::metadata(&existing.names(&first)[0]).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o644);
    assert_eq!(about.nlink(), 3);

    // A snapshot that is being uploaded: its file is there and grows.
    let snapshot = existing.glance.create(&admin, json!({"visibility": "private"}));
    let content = bytes(2, 4 << 20);
    let mut held =
        existing.glance.begin_upload(&admin, &snapshot, content.len(), &content[..2 << 20]);
    let stored = existing.glance.path("images").join(&snapshot);
    eventually("the snapshot's file grows", 30, || {
        let length = fs::metadata(&stored).map_or(0, |about| about.len());
        if length >= 1 << 20 { Ok(()) } else { Err(length.to_string()) }
    });
    assert_eq!(existing.glance.status(&admin, &snapshot), "saving");
    // Others go on being linked: so passes were made, which saw the file.
    for number in 0..3 {
        let other = existing.glance.upload(&admin, &bytes(10 + number, 1 << 19));
        existing.until_linked(&other);
        assert!(existing.is_nowhere(&snapshot));
    }
    held.send(&content[2 << 20..]);
    assert!(held.finish().contains("204"));
    existing.until_linked(&snapshot);
    assert_eq!(fs::read(&existing.names(&snapshot)[1]).unwrap(), content);

    // An upload that breaks off.
    let broken = existing.glance.create(&admin, json!({}));
    let held = existing.glance.begin_upload(&admin, &broken, 4 << 20, &content[..1 << 20]);
    drop(held);
    let other = existing.glance.upload(&admin, &bytes(20, 1 << 19));
    existing.until_linked(&other);
    assert!(existing.is_nowhere(&broken), "{}", existing.log());

    // Of another project, hidden, community: all are images.
    for more in [json!({"os_hidden": true}), json!({"visibility": "community"})] {
        let image = existing.glance.create(&admin, more);
        existing.glance.put(&admin, &image, &bytes(30, 1 << 19)).expect(204);
        existing.until_linked(&image);
    }
    assert!(existing.end(Signal::SIGTERM), "{}", existing.log());
}

#[test]
fn a_deleted_image_stays_as_long_as_a_disk_needs_it() {
    let mut existing = Existing::start(None);
    let admin = existing.admin();
    existing.keep(&["--interval", "0.2"]);
    let [kept, gone] = [1, 2].map(|seed| existing.glance.upload(&admin, &bytes(seed, 1 << 20)));
    existing.until_linked(&kept);
    existing.until_linked(&gone);
    let disk = existing.overlay(&kept);
    for image in [&kept, &gone] {
        admin.delete(&format!("/v2/images/{image}")).expect(204);
    }
    existing.until_nowhere(&gone);
    existing.says(disk.to_str().unwrap());
    assert!(existing.names(&kept)[1].exists());
    let said = existing.log().matches(disk.to_str().unwrap()).count();
    // Said once, however many passes there are.
    let other = existing.glance.upload(&admin, &bytes(3, 1 << 20));
    existing.until_linked(&other);
    assert_eq!(existing.log().matches(disk.to_str().unwrap()).count(), said);
    fs::remove_file(&disk).unwrap();
    existing.until_nowhere(&kept);
    assert!(existing.is_linked(&other));
}

#[test]
fn everyone_may_go_away_and_come_back() {
    let mut existing = Existing::start(None);
    let admin = existing.admin();
    existing.keep(&["--interval", "0.2"]);
    let first = existing.glance.upload(&admin, &bytes(1, 1 << 20));
    existing.until_linked(&first);

    // Glance.
    existing.glance.kill();
    existing.says("the image catalogue cannot list its images");
    assert!(existing.is_linked(&first));
    existing.glance.run();
    existing.says("everything can be judged again");
    let second = existing.glance.upload(&admin, &bytes(2, 1 << 20));
    existing.until_linked(&second);

    // Whoever keeps, by kill -9.
    existing.end(Signal::SIGKILL);
    let third = existing.glance.upload(&admin, &bytes(3, 1 << 20));
    admin.delete(&format!("/v2/images/{second}")).expect(204);
    existing.keep(&["--interval", "0.2"]);
    existing.until_linked(&third);
    existing.until_nowhere(&second);

    // The token, in the middle.
    existing.world.take_tokens_back();
    let fourth = existing.glance.upload(&admin, &bytes(4, 1 << 20));
    existing.until_linked(&fourth);

    // Keystone.
    let address = existing.world.base();
    let logged = existing.log().len();
    let left = Instant::now();
    assert!(existing.world.stop());
    eventually("Keystone is missed", 30, || {
        let log = existing.log();
        if log[logged..].contains("the image catalogue cannot") { Ok(()) } else { Err(log) }
    });
    // For a whole minute no pass can judge anything, and none takes anything away.
    while left.elapsed() < Duration::from_secs(60) {
        let output = existing.once(&[]);
        assert_eq!(output.status.code(), Some(1), "{}", error_of(&output));
        assert!([&first, &third, &fourth].iter().all(|image| existing.is_linked(image)));
    }
    existing.world.up_at(address.trim_start_matches("http://"));
    let admin = existing.admin();
    let fifth = existing.glance.upload(&admin, &bytes(5, 1 << 20));
    existing.until_linked(&fifth);
    for image in [&first, &third, &fourth] {
        assert!(existing.is_linked(image));
    }
    // One name in the cache and one in `_base` went, of the one image that was deleted, and no other.
    let log = existing.log();
    let removed: Vec<&str> = log.lines().filter(|line| line.contains(" removed ")).collect();
    let gone = base_name(&second);
    assert!(removed.len() == 2 && removed.iter().all(|line| line.contains(&gone)), "{removed:?}");
}

#[test]
fn one_pass_says_by_its_exit_code_whether_all_could_be_judged() {
    let mut existing = Existing::start(None);
    let admin = existing.admin();
    let images = [1, 2].map(|seed| existing.glance.upload(&admin, &bytes(seed, 1 << 20)));

    // A dry run first: it says all and does nothing, also with the litter of one who was killed.
    let cache = existing.glance.path("imagecache");
    fs::create_dir(&cache).unwrap();
    fs::write(cache.join(format!(".link-{}", base_name(&images[0]))), b"").unwrap();
    let before = existing.everything();
    let output = existing.once(&["--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    assert_eq!(error_of(&output).matches("would be linked").count(), 4, "{}", error_of(&output));
    assert_eq!(existing.everything(), before);
    // Colours are for terminals only.
    assert!(!error_of(&output).contains('\x1b'), "{}", error_of(&output));

    let output = existing.once(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    assert!(images.iter().all(|image| existing.is_linked(image)), "{}", error_of(&output));
    // And again: nothing to do, nothing written.
    let before = existing.snapshot();
    assert_eq!(existing.once(&[]).status.code(), Some(0));
    assert_eq!(existing.snapshot(), before);

    // Each in turn is away; nothing changes, one line says why.
    let fails = |existing: &Existing, what: &str, why: &str| {
        let before = existing.snapshot();
        let output = existing.once(&[]);
        let error = error_of(&output);
        assert_eq!(output.status.code(), Some(1), "{what}: {error}");
        let lines: Vec<&str> =
            error.lines().filter(|line| line.starts_with("hatchery: ")).collect();
        assert!(lines.len() == 1 && lines[0].contains(why), "{what}: {error}");
        assert_eq!(existing.snapshot(), before, "{what}: {error}");
    };
    existing.glance.kill();
    fails(&existing, "Glance is away", "the image catalogue cannot list its images");
    existing.glance.run();

    let [away, there] = ["away", "images"].map(|name| existing.glance.path(name));
    fs::rename(&there, &away).unwrap();
    fs::create_dir(&there).unwrap();
    fails(&existing, "the store is empty", "images");
    fs::remove_dir(&there).unwrap();
    fails(&existing, "the store is missing", "images");
    fs::rename(&away, &there).unwrap();

    let folder = existing.glance.path("instances").join(INSTANCE);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("disk"), b"QFI\xfb\0\0\0\x09torn").unwrap();
    fails(&existing, "a disk cannot be read", "looks like a disk");
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(existing.once(&[]).status.code(), Some(0));

    let refused = existing.command(&["--once"]).env("OS_PASSWORD", "wrong").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        error_of(&refused).contains("does not know these credentials"),
        "{}",
        error_of(&refused)
    );
    assert!(!error_of(&refused).contains("wrong"));
}

#[test]
fn a_dry_run_counts_the_disks_of_hosts_out_of_sight_and_writes_nothing() {
    let existing = Existing::start(None);
    let admin = existing.admin();
    let [held, free] = [1, 2].map(|seed| existing.glance.upload(&admin, &bytes(seed, 1 << 20)));
    assert_eq!(existing.once(&[]).status.code(), Some(0));
    // What another host that shares the cache has written down of its disks.
    let lease = json!([{
        "base": base_name(&held), "format": "Raw",
        "holder": {"kind": "disk", "host": "far", "disk": "/far/disk", "server": null},
    }]);
    let shared = existing.glance.path("imagecache/.leases/far.json");
    fs::write(shared, lease.to_string()).unwrap();
    for image in [&held, &free] {
        admin.delete(&format!("/v2/images/{image}")).expect(204);
    }
    let before = existing.everything();
    let output = existing.once(&["--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    let said = error_of(&output);
    let removed: Vec<&str> =
        said.lines().filter(|line| line.contains("would be removed")).collect();
    assert_eq!(removed.len(), 2, "{said}");
    assert!(removed.iter().all(|line| line.contains(&base_name(&free))), "{said}");
    assert!(said.contains("it is kept for /far/disk"), "{said}");
    assert_eq!(existing.everything(), before);
}

#[test]
fn the_log_is_json_where_that_is_wanted_also_of_a_failure() {
    let mut existing = Existing::start(None);
    let image = existing.glance.upload(&existing.admin(), &bytes(1, 1 << 20));
    let file = existing.glance.path("json.log");
    let more = ["--log-json", "--log-file", file.to_str().unwrap()];
    let read = |text: &str| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    };
    let output = existing.once(&more);
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    let lines = read(&error_of(&output));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines.iter().all(|line| line["message"] == "linked" && line["image.id"] == image.as_str())
    );
    existing.glance.kill();
    let output = existing.once(&more);
    assert_eq!(output.status.code(), Some(1));
    let lines = read(&error_of(&output));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "ERROR");
    let why = lines[0]["message"].as_str().unwrap();
    assert!(why.contains("the image catalogue cannot list its images"), "{why}");
    assert_eq!(read(&fs::read_to_string(&file).unwrap()).len(), 3);
}

#[test]
fn a_server_whose_base_was_lost_is_reset_though_the_keeper_was_killed_before() {
    let mut existing = Existing::start(None);
    let admin = existing.world.admin();
    let server = existing.server(&admin);
    let glance = existing.admin();
    let image = existing.glance.upload(&glance, &bytes(1, 1 << 20));
    assert_eq!(existing.once(&["--reset-state"]).status.code(), Some(0));
    existing.disk_of(&server, &image);
    let act = |body| {
        let path = format!("/compute/v2.1/servers/{server}/action");
        admin.raw("POST", &path, serde_json::Value::to_string(&body).as_bytes(), "application/json")
    };
    act(json!({"os-resetState": {"state": "error"}})).expect(202);
    fs::remove_file(&existing.names(&image)[1]).unwrap();

    // A Nova that takes the request and says nothing: whoever keeps is killed meanwhile, with the base back.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = existing.command(&["--reset-state", "--interval", "0.2"]);
    let nova = format!("http://{}/compute/v2.1", silent.local_addr().unwrap());
    let mut child = command.env("OS_COMPUTE_ENDPOINT_OVERRIDE", nova).spawn().unwrap();
    let (asked, _) = silent.accept().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(asked);
    assert!(existing.is_linked(&image), "the base was put back first");
    assert_eq!(existing.status(&admin, &server), "ERROR");

    // The next one finds nothing lost, and knows whom to help.
    existing.keep(&["--reset-state", "--interval", "0.2"]);
    existing.says("reset to active and rebooted");
    eventually("the server is active", 30, || match existing.status(&admin, &server) {
        status if status == "ACTIVE" => Ok(()),
        status => Err(status),
    });
    // Once: later passes leave it alone, and so does one that begins anew.
    assert!(existing.end(Signal::SIGTERM));
    assert_eq!(existing.once(&["--reset-state"]).status.code(), Some(0));
    let path = format!("/compute/v2.1/servers/{server}/os-instance-actions");
    let actions = admin.get(&path).expect(200)["instanceActions"].as_array().unwrap().clone();
    let names: Vec<&str> = actions.iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(names, ["reboot", "resetState", "resetState", "create"]);
    admin.delete(&format!("/compute/v2.1/servers/{server}")).expect(204);
}

#[test]
fn what_glance_says_on_rabbitmq_is_acted_on_at_once() {
    let test = "what_glance_says_on_rabbitmq_is_acted_on_at_once";
    let Some(rabbit) = RabbitmqServer::start(test) else {
        return;
    };
    let mut existing = Existing::start(Some(&rabbit.url()));
    let admin = existing.admin();
    // Glance declares its exchange with its first word.
    let before = existing.glance.upload(&admin, &bytes(0, 1 << 20));
    existing.keep(&["--interval", "86400", "--notifications", &rabbit.url()]);
    existing.until_linked(&before);
    existing.says("hears of Glance's images");
    let mut took: Vec<Duration> = Vec::new();
    for number in 1..=20 {
        let image = existing.glance.upload(&admin, &bytes(number, 1 << 20));
        let active = Instant::now();
        while !existing.is_linked(&image) {
            assert!(active.elapsed() < Duration::from_secs(10), "{}", existing.log());
            std::thread::yield_now();
        }
        took.push(active.elapsed());
        if number == 20 {
            admin.delete(&format!("/v2/images/{image}")).expect(204);
            existing.until_nowhere(&image);
        }
    }
    took.sort();
    println!("linked after the upload's answer: median {:?}, longest {:?}", took[10], took[19]);
    assert!(took[10] < Duration::from_secs(2), "{took:?}");
}
