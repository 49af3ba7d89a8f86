//! Volumes on a share that the operator has mounted, by the newest `openstack` client: guests boot from them, and a share that goes away takes
//! nothing with it. A bind mount stands for the export.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Openstack, Settings, Ssh, World, boot_image, eventually};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const PATIENCE: u64 = 120;

/// An export, and a folder that it is mounted on.
struct Share {
    folder: TempDir,
}

impl Share {
    fn mounted() -> Self {
        let folder = tempfile::Builder::new().prefix("share-").tempdir_in("/var/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let share = Self { folder };
        for path in [share.export(), share.mount_point()] {
            fs::create_dir(path).unwrap();
        }
        share.mount();
        share
    }

    fn export(&self) -> PathBuf {
        self.folder.path().join("export")
    }

    fn mount_point(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn mount(&self) {
        let mut command = Command::new("mount");
        command.arg("--bind").arg(self.export()).arg(self.mount_point());
        assert!(command.status().unwrap().success());
    }

    /// Waits until nothing of it is open any more.
    fn unmount(&self) {
        eventually("the share can be unmounted", PATIENCE, || {
            let out = Command::new("umount").arg(self.mount_point()).output().unwrap();
            if out.status.success() {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(&out.stderr).into_owned())
            }
        });
    }

    /// Files of volumes.
    fn files(&self) -> Vec<String> {
        names(&self.export()).into_iter().filter(|name| !name.starts_with('.')).collect()
    }

    fn is_empty(&self) {
        eventually("no file of a volume is on the share", PATIENCE, || {
            let mut left = self.files();
            left.extend(names(&self.export().join(".records")));
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
    }

    fn settings(&self, of: Settings) -> Settings {
        let toml = format!(
            "[file]\nvolume_driver = \"nfs\"\nvolume_backend_name = \"share\"\nnfs_mount_point = \"{}\"\n",
            self.mount_point().display()
        );
        Settings { toml, ..of }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.mount_point()).output();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn wait_for(openstack: &Openstack, show: &[&str], status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), PATIENCE, || {
        let shown = openstack.json(show);
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

fn wait_until_gone(openstack: &Openstack, list: &[&str]) {
    eventually(&format!("{list:?} is empty"), PATIENCE, || {
        let left = openstack.json(list);
        if left.as_array().unwrap().is_empty() { Ok(()) } else { Err(left.to_string()) }
    });
}

fn wait_for_service(openstack: &Openstack, state: &str) {
    eventually(&format!("the service is {state}"), PATIENCE, || {
        let services = openstack.json(&["volume", "service", "list"]);
        if services[0]["State"] == state { Ok(()) } else { Err(services.to_string()) }
    });
}

/// A type for the share, and the image `tiny`.
fn prepare(openstack: &Openstack) {
    let line = ["volume", "type", "create", "shared", "--property", "volume_backend_name=share"];
    openstack.run(&[&line[..], &["--property", "storage_protocol=nfs"]].concat());
    let file = boot_image();
    let file = file.to_str().unwrap();
    openstack.run(&["image", "create", "tiny", "--file", file, "--disk-format", "qcow2"]);
}

/// What users were told last.
fn told(openstack: &Openstack) -> String {
    let messages = openstack.json(&["--os-volume-api-version", "3.5", "volume", "message", "list"]);
    messages.to_string()
}

#[test]
fn a_share_that_goes_away_takes_nothing_with_it() {
    let share = Share::mounted();
    let mut world = World::start(share.settings(Settings::sim()));
    let openstack = world.openstack();
    prepare(&openstack);
    wait_for_service(&openstack, "up");
    let pools = openstack.json(&["volume", "backend", "pool", "list", "--long"]);
    assert_eq!(pools[0]["Capabilities"]["storage_protocol"], "nfs", "{pools}");
    let create = ["volume", "create", "--type", "shared", "--size", "1"];
    openstack.run(&[&create[..], &["--image", "tiny", "root"]].concat());
    let root = wait_for(&openstack, &["volume", "show", "root"], "available");
    assert!(root["os-vol-host-attr:host"].as_str().unwrap().ends_with("#share"), "{root}");
    assert_eq!(share.files(), [format!("volume-{}", root["id"].as_str().unwrap())]);
    openstack.run(&["volume", "snapshot", "create", "--volume", "root", "kept"]);
    wait_for(&openstack, &["volume", "snapshot", "show", "kept"], "available");
    openstack.run(&["volume", "create", "--snapshot", "kept", "clone"]);
    openstack.run(&["volume", "create", "--source", "root", "copy"]);
    for name in ["clone", "copy"] {
        wait_for(&openstack, &["volume", "show", name], "available");
    }
    let before = share.files().len();

    share.unmount();
    // An order that comes before anybody has noticed, or after: refused with the reason, and nothing is lost.
    openstack.run(&["volume", "delete", "clone"]);
    wait_for(&openstack, &["volume", "show", "clone"], "error_deleting");
    assert!(told(&openstack).contains("its share cannot be used"), "{}", told(&openstack));
    wait_for_service(&openstack, "down");
    openstack.run(&[&create[..], &["late"]].concat());
    wait_for(&openstack, &["volume", "show", "late"], "error");
    assert!(told(&openstack).contains("no share is mounted on"), "{}", told(&openstack));
    assert!(names(&share.mount_point()).is_empty(), "something is in the bare folder");
    // Nor does an agent that starts meanwhile take the bare folder for the share.
    world.kill();
    world.up();
    let openstack = world.openstack();
    wait_for_service(&openstack, "down");
    assert!(names(&share.mount_point()).is_empty(), "something is in the bare folder");

    share.mount();
    wait_for_service(&openstack, "up");
    assert_eq!(share.files().len(), before);
    openstack.run(&[&create[..], &["again"]].concat());
    wait_for(&openstack, &["volume", "show", "again"], "available");
    openstack.run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(&openstack, &["volume", "snapshot", "list"]);
    openstack.run(&["volume", "delete", "clone", "copy", "root", "late", "again"]);
    wait_until_gone(&openstack, &["volume", "list"]);
    share.is_empty();
}

/// Two agents of two clouds: neither's volumes are litter to the other, and what the one that is killed has begun is there when it is back.
#[test]
fn two_agents_work_on_one_share_and_one_is_killed() {
    let share = Share::mounted();
    let mut one = World::start(share.settings(Settings::sim()));
    let two = World::start(share.settings(Settings::sim()));
    let clouds = [one.openstack(), two.openstack()];
    clouds.iter().for_each(prepare);
    let all = ["a", "b", "c"];
    for name in all {
        for openstack in &clouds {
            let line = ["volume", "create", "--type", "shared", "--size", "1", "--image", "tiny"];
            openstack.run(&[&line[..], &[name]].concat());
        }
    }
    // The last one's order has just gone out.
    one.kill();
    for name in all {
        wait_for(&clouds[1], &["volume", "show", name], "available");
    }
    clouds[1].run(&["volume", "snapshot", "create", "--volume", "a", "kept"]);
    wait_for(&clouds[1], &["volume", "snapshot", "show", "kept"], "available");
    clouds[1].run(&["volume", "delete", "b"]);
    one.up();
    for name in all {
        wait_for(&clouds[0], &["volume", "show", name], "available");
    }
    let mut made: Vec<String> = Vec::new();
    for openstack in &clouds {
        let line = ["volume", "list"];
        wait_until(openstack, &line, |rows| rows.iter().all(|row| row["Status"] == "available"));
        let rows = openstack.json(&line);
        made.extend(
            rows.as_array().unwrap().iter().map(|row| row["ID"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(made.len(), 5);
    let files = share.files();
    assert!(made.iter().all(|id| files.contains(&format!("volume-{id}"))), "{made:?} {files:?}");
    clouds[1].run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(&clouds[1], &["volume", "snapshot", "list"]);
    clouds[0].run(&["volume", "delete", "a", "b", "c"]);
    clouds[1].run(&["volume", "delete", "a", "c"]);
    for openstack in &clouds {
        wait_until_gone(openstack, &["volume", "list"]);
    }
    share.is_empty();
}

fn wait_until(openstack: &Openstack, list: &[&str], is: impl Fn(&[Value]) -> bool) {
    eventually(&format!("{list:?} is as it should be"), PATIENCE, || {
        let rows = openstack.json(list);
        if is(rows.as_array().unwrap()) { Ok(()) } else { Err(rows.to_string()) }
    });
}

/// How often its guest has said that it is ready.
fn ready(openstack: &Openstack, name: &str, times: usize) {
    eventually("the guest is ready", 240, || {
        let log = openstack.run(&["console", "log", "show", name]);
        let found = log.matches("TINY-READY").count();
        if found >= times { Ok(()) } else { Err(log) }
    });
}

#[test]
fn a_guest_boots_from_a_volume_on_a_share_and_gets_another() {
    let share = Share::mounted();
    let world = World::start(share.settings(Settings::qemu()));
    let (openstack, key) = (world.openstack(), Ssh::new(world.state()));
    prepare(&openstack);
    openstack.run(&["flavor", "create", "small", "--ram", "192", "--disk", "1", "--vcpus", "1"]);
    let public = key.public_file();
    openstack.run(&["keypair", "create", "mine", "--public-key", public.to_str().unwrap()]);
    let create = ["volume", "create", "--type", "shared", "--size", "1"];
    openstack.run(&[&create[..], &["--image", "tiny", "root"]].concat());
    openstack.run(&[&create[..], &["data"]].concat());
    for name in ["root", "data"] {
        wait_for(&openstack, &["volume", "show", name], "available");
    }
    let line = ["server", "create", "one", "--flavor", "small", "--key-name", "mine"];
    openstack.run(&[&line[..], &["--network", "private", "--volume", "root"]].concat());
    let shown = wait_for(&openstack, &["server", "show", "one"], "ACTIVE");
    ready(&openstack, "one", 1);
    let address = shown["addresses"].as_object().unwrap().values().next().unwrap()[0].clone();
    let address = address.as_str().unwrap();
    openstack.run(&["server", "add", "volume", "one", "data"]);
    wait_for(&openstack, &["volume", "show", "data"], "in-use");
    eventually("the guest has the disk", PATIENCE, || {
        let found = key.run(address, "ls /dev/vdb 2>&1; true");
        if found.trim() == "/dev/vdb" { Ok(()) } else { Err(found) }
    });
    key.run(address, "echo hatched | dd of=/dev/vdb seek=1000 conv=notrunc 2>/dev/null && sync");
    // The hypervisor has locked both on the share, and so neither goes.
    let id = openstack.json(&["volume", "show", "data"])["id"].as_str().unwrap().to_owned();
    let written = fs::read(share.export().join(format!("volume-{id}"))).unwrap();
    assert_eq!(&written[512_000..512_007], b"hatched");
    let owner = fs::metadata(share.export().join(format!("volume-{id}"))).unwrap();
    println!(
        "the volume's file belongs to {}:{}, mode {:o}",
        owner.uid(),
        owner.gid(),
        owner.mode()
    );

    openstack.run(&["server", "remove", "volume", "one", "data"]);
    wait_for(&openstack, &["volume", "show", "data"], "available");
    openstack.run(&["volume", "snapshot", "create", "--volume", "data", "kept"]);
    wait_for(&openstack, &["volume", "snapshot", "show", "kept"], "available");
    openstack.run(&["volume", "create", "--snapshot", "kept", "second"]);
    wait_for(&openstack, &["volume", "show", "second"], "available");
    openstack.run(&["server", "add", "volume", "one", "second"]);
    wait_for(&openstack, &["volume", "show", "second"], "in-use");
    eventually("the guest reads what was snapshot", PATIENCE, || {
        let line = "dd if=/dev/vdb skip=1000 count=1 2>/dev/null | head -n 1";
        let found = key.run(address, line);
        if found.trim() == "hatched" { Ok(()) } else { Err(found) }
    });
    openstack.run(&["server", "reboot", "--hard", "one"]);
    wait_for(&openstack, &["server", "show", "one"], "ACTIVE");
    ready(&openstack, "one", 2);
    openstack.run(&["server", "delete", "one", "--wait"]);
    for name in ["root", "second"] {
        let shown = wait_for(&openstack, &["volume", "show", name], "available");
        assert_eq!(shown["attachments"], json!([]), "{shown}");
    }
    openstack.run(&["volume", "snapshot", "delete", "kept"]);
    wait_until_gone(&openstack, &["volume", "snapshot", "list"]);
    openstack.run(&["volume", "delete", "root", "data", "second"]);
    wait_until_gone(&openstack, &["volume", "list"]);
    share.is_empty();
}
