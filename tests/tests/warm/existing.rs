//! A cloud that is there already, and calls of `hatchery warm` on its folders.

use hatchery_tests::{Client, Glance, SERVICE_USER, Settings, World, eventually, sample_qcow2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

pub const INSTANCE: &str = "0b7e3d9a-93a6-4d1b-8b1e-8f1a5b1c2d3e";

/// A cloud that is not ours: Keystone (a hatchery), Glance, and a folder that plays Nova's.
pub struct Existing {
    pub glance: Glance,
    pub world: World,
    running: Option<Child>,
}

impl Existing {
    pub fn start(transport_url: Option<&str>) -> Self {
        let world = World::start(Settings::sim());
        world.add_service_user();
        let glance = Glance::start(&world, transport_url);
        fs::create_dir_all(glance.path("instances/_base")).unwrap();
        Self { glance, world, running: None }
    }

    /// Glance as its administrator.
    pub fn admin(&self) -> Client {
        self.glance.client(&self.world.admin())
    }

    pub fn command(&self, more: &[&str]) -> Command {
        let (user, password) = SERVICE_USER;
        let mut command = Command::new(World::binary());
        let at = |name: &str| self.glance.path(name);
        command.arg("warm").arg("--images").arg(at("images")).arg("--cache").arg(at("imagecache"));
        command
            .arg("--base")
            .arg(at("instances/_base"))
            .args(["--remove-unused-original-minimum-age-seconds", "0"])
            .args(more)
            .env("OS_AUTH_URL", format!("{}/identity", self.world.base()))
            .env("OS_IMAGE_ENDPOINT_OVERRIDE", self.glance.base())
            .env("OS_USERNAME", user)
            .env("OS_PASSWORD", password)
            .env("OS_PROJECT_NAME", "service")
            .env("RUST_LOG", "info")
            .stdin(Stdio::null());
        command
    }

    pub fn once(&self, more: &[&str]) -> Output {
        self.command(&[&["--once"], more].concat()).output().unwrap()
    }

    pub fn keep(&mut self, more: &[&str]) {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.command(more);
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.running = Some(child);
    }

    pub fn end(&mut self, signal: Signal) -> bool {
        let Some(mut child) = self.running.take() else {
            return true;
        };
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        child.wait().unwrap().success()
    }

    pub fn log_path(&self) -> PathBuf {
        self.glance.path("warm.log")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub fn says(&self, what: &str) {
        eventually(&format!("the log says {what}"), 30, || {
            let log = self.log();
            if log.contains(what) { Ok(()) } else { Err(log) }
        });
    }

    /// Cache and `_base`.
    pub fn names(&self, image: &str) -> [PathBuf; 2] {
        let name = base_name(image);
        ["imagecache", "instances/_base"].map(|folder| self.glance.path(folder).join(&name))
    }

    pub fn is_linked(&self, image: &str) -> bool {
        let Ok(stored) = fs::metadata(self.glance.path("images").join(image)) else {
            return false;
        };
        self.names(image)
            .iter()
            .all(|name| fs::metadata(name).is_ok_and(|found| found.ino() == stored.ino()))
    }

    pub fn is_nowhere(&self, image: &str) -> bool {
        self.names(image).iter().all(|name| !name.exists())
    }

    pub fn until_linked(&self, image: &str) {
        eventually(&format!("{image} is linked"), 30, || {
            if self.is_linked(image) { Ok(()) } else { Err(self.log()) }
        });
    }

    pub fn until_nowhere(&self, image: &str) {
        eventually(&format!("{image} has no link"), 30, || {
            if self.is_nowhere(image) { Ok(()) } else { Err(self.log()) }
        });
    }

    /// A server of the world, which plays Nova.
    pub fn server(&self, admin: &Client) -> String {
        let body = json!({"name": "i", "disk_format": "qcow2", "container_format": "bare"});
        let made = admin.post("/image/v2/images", &body).expect(201);
        let image = made["id"].as_str().unwrap();
        let file = sample_qcow2(self.world.state(), 16);
        admin.put_file(&format!("/image/v2/images/{image}/file"), &file).expect(204);
        let body = json!({"server": {
            "name": "s", "imageRef": image, "flavorRef": "c1", "networks": "auto",
        }});
        let made = admin.post("/compute/v2.1/servers", &body).expect(202);
        let server = made["server"]["id"].as_str().unwrap().to_owned();
        eventually("the server is active", 60, || match self.status(admin, &server) {
            status if status == "ACTIVE" => Ok(()),
            status => Err(status),
        });
        server
    }

    pub fn status(&self, admin: &Client, server: &str) -> String {
        let shown = admin.get(&format!("/compute/v2.1/servers/{server}")).expect(200);
        shown["server"]["status"].as_str().unwrap().to_owned()
    }

    /// A disk of a server that has the image as base.
    pub fn overlay(&self, image: &str) -> PathBuf {
        self.disk_of(INSTANCE, image)
    }

    pub fn disk_of(&self, server: &str, image: &str) -> PathBuf {
        let folder = self.glance.path("instances").join(server);
        fs::create_dir_all(&folder).unwrap();
        let disk = folder.join("disk");
        let base = &self.names(image)[1];
        let made = Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
            .args([base, &disk])
            .status();
        assert!(made.unwrap().success());
        disk
    }

    /// Every file and folder with inode, mode, times and bytes: nothing at all may have been done where this is the same.
    pub fn everything(&self) -> BTreeMap<PathBuf, (u64, u32, i64, i64, Vec<u8>)> {
        let mut found = BTreeMap::new();
        let mut folders =
            ["images", "imagecache", "instances"].map(|f| self.glance.path(f)).to_vec();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                folders.extend(Some(entry.unwrap().path()).filter(|path| path.is_dir()));
            }
            let inside = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            for path in inside.chain([folder.clone()]) {
                let about = fs::symlink_metadata(&path).unwrap();
                let bytes = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                let times = (about.ctime(), about.ctime_nsec());
                found.insert(path, (about.ino(), about.mode(), times.0, times.1, bytes));
            }
        }
        found
    }

    /// Every file with its inode and its time, but not the lock.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, (u64, i64)> {
        let mut found = BTreeMap::new();
        let mut folders =
            ["images", "imagecache", "instances"].map(|f| self.glance.path(f)).to_vec();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                let about = fs::symlink_metadata(&path).unwrap();
                if about.is_dir() {
                    folders.push(path.clone());
                }
                if !path.ends_with(".hatchery-pool.lock") {
                    let time = if about.is_dir() { 0 } else { about.ctime_nsec() };
                    found.insert(path, (about.ino(), time));
                }
            }
        }
        found
    }
}

impl Drop for Existing {
    fn drop(&mut self) {
        self.end(Signal::SIGKILL);
        if std::thread::panicking() {
            eprintln!("--- log of warm ---\n{}", self.log());
        }
    }
}

pub fn base_name(image: &str) -> String {
    let out = Command::new("sh").args(["-c", "printf %s \"$1\" | sha1sum", "sh", image]).output();
    String::from_utf8(out.unwrap().stdout).unwrap()[..40].to_owned()
}

pub fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Bytes that no format claims, so that Glance takes them for raw.
pub fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at * 31 / 7) as u8 ^ seed) | 1).collect()
}
