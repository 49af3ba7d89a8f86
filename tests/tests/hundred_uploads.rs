//! A hundred uploads of which some break off and some lose their image half-way, and somebody who looks at every link all the time: in a
//! cloud of ours, and in a real Glance with `hatchery warm` beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Glance, SERVICE_USER, Settings, World, eventually};
use serde_json::json;
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const UPLOADS: usize = 100;
const LENGTH: usize = 300 << 10;

/// Where images go, and where their links are to appear.
struct Scene {
    client: Client,
    /// What stands before `/v2/images` in a path.
    prefix: &'static str,
    links: Vec<PathBuf>,
    /// Uploaders. Glance on SQLite locks itself out when several write at once.
    at_once: usize,
}

/// How an upload goes.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Whole,
    /// The connection breaks half-way.
    Broken,
    /// The image is deleted half-way.
    Deleted,
}

fn fate(number: usize) -> Fate {
    match number % 5 {
        0 => Fate::Broken,
        1 => Fate::Deleted,
        _ => Fate::Whole,
    }
}

fn content(number: usize) -> Vec<u8> {
    (0..LENGTH).map(|at| (at.wrapping_mul(31) ^ number) as u8).collect()
}

fn link_name(image: &str) -> String {
    Sha1::digest(image).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a link of this name may show; `None`: there may be no such link.
type Expected = Arc<Mutex<BTreeMap<String, Option<Vec<u8>>>>>;

impl Scene {
    fn create(&self, number: usize) -> String {
        let body =
            json!({"name": format!("i{number}"), "disk_format": "raw", "container_format": "bare"});
        let made = self.client.post(&format!("{}/v2/images", self.prefix), &body).expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// Says whether the store has taken all of it. Glance on SQLite answers 500 to some of those that come at once: they count as broken.
    fn upload(&self, image: &str, number: usize) -> bool {
        let path = format!("{}/v2/images/{image}", self.prefix);
        let bytes = content(number);
        if fate(number) == Fate::Whole {
            let sent =
                self.client.raw("PUT", &format!("{path}/file"), &bytes, "application/octet-stream");
            assert!(matches!(sent.status, 204 | 500), "upload {number}: {}", sent.status);
            return sent.status == 204;
        }
        let address = self.client.base().trim_start_matches("http://").to_owned();
        let mut half = TcpStream::connect(address.split('/').next().unwrap()).unwrap();
        let head = format!(
            "PUT {path}/file HTTP/1.1\r\nHost: {address}\r\nX-Auth-Token: {}\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {LENGTH}\r\n\r\n",
            self.client.token()
        );
        half.write_all(head.as_bytes()).unwrap();
        half.write_all(&bytes[..LENGTH / 2]).unwrap();
        if fate(number) == Fate::Deleted {
            let gone = self.client.delete(&path);
            assert!(matches!(gone.status, 204 | 409 | 500), "{}", gone.status);
            if gone.status == 204 {
                let _may_be_refused = half.write_all(&bytes[LENGTH / 2..]);
            }
        }
        false
    }

    fn names(&self, folder: &Path) -> BTreeSet<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.len() == 40)
            .collect()
    }

    /// Looks once at every link; gives what is wrong.
    fn wrong(&self, expected: &Expected) -> Vec<String> {
        let mut wrong = Vec::new();
        for folder in &self.links {
            for name in self.names(folder) {
                // Gone again since: an image was deleted.
                let Ok(bytes) = fs::read(folder.join(&name)) else { continue };
                match expected.lock().unwrap().get(&name) {
                    Some(Some(whole)) if *whole == bytes => {}
                    Some(Some(_)) => {
                        wrong.push(format!("{name} shows {} other bytes", bytes.len()));
                    }
                    Some(None) => wrong.push(format!("{name} of an upload that failed")),
                    None => wrong.push(format!("{name} of no image")),
                }
            }
        }
        wrong
    }

    /// Every upload did what it should, and every whole image is linked, and no other.
    fn ended_well(&self, uploaded: Vec<thread::Result<BTreeSet<String>>>) {
        let whole: BTreeSet<String> = uploaded.into_iter().flat_map(Result::unwrap).collect();
        assert!(
            (UPLOADS / 2..=UPLOADS / 5 * 3).contains(&whole.len()),
            "{} were taken",
            whole.len()
        );
        for folder in &self.links {
            eventually("every whole image is linked, and no other", 60, || {
                let names = self.names(folder);
                if names == whole { Ok(()) } else { Err(format!("{} links", names.len())) }
            });
        }
    }

    fn run(&self) {
        let expected = Expected::default();
        let (next, done) = (AtomicUsize::new(0), AtomicBool::new(false));
        let looks = thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut looks = 0;
                while !done.load(Ordering::SeqCst) {
                    assert_eq!(self.wrong(&expected), Vec::<String>::new());
                    looks += 1;
                }
                looks
            });
            let uploaders: Vec<_> = (0..self.at_once)
                .map(|_| {
                    scope.spawn(|| {
                        let mut taken = BTreeSet::new();
                        loop {
                            let number = next.fetch_add(1, Ordering::SeqCst);
                            if number >= UPLOADS {
                                return taken;
                            }
                            let image = self.create(number);
                            let whole = (fate(number) == Fate::Whole).then(|| content(number));
                            expected.lock().unwrap().insert(link_name(&image), whole);
                            if self.upload(&image, number) {
                                taken.insert(link_name(&image));
                            }
                        }
                    })
                })
                .collect();
            let uploaded: Vec<_> = uploaders.into_iter().map(|one| one.join()).collect();
            let ended = catch_unwind(AssertUnwindSafe(|| self.ended_well(uploaded)));
            done.store(true, Ordering::SeqCst);
            let looks = watcher.join();
            ended.unwrap_or_else(|failure| resume_unwind(failure));
            looks.unwrap()
        });
        assert!(looks > 10, "looked only {looks} times");
    }
}

#[test]
fn no_link_of_ours_ever_shows_other_bytes() {
    let world = World::start(Settings::sim());
    let links = ["pool/imagecache", "instances/_base"].map(|name| world.state().join(name));
    Scene { client: world.admin(), prefix: "/image", links: links.into(), at_once: 4 }.run();
}

/// Ends `hatchery warm` with the test.
struct Warm(Child);

impl Drop for Warm {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        self.0.wait().unwrap();
    }
}

#[test]
fn no_link_beside_a_real_glance_ever_shows_other_bytes() {
    let world = World::start(Settings::sim());
    world.add_service_user();
    let glance = Glance::start(&world, None);
    let links = ["imagecache", "instances/_base"].map(|name| glance.path(name));
    for folder in &links {
        fs::create_dir_all(folder).unwrap();
    }
    let (user, password) = SERVICE_USER;
    let warm = Command::new(World::binary())
        .arg("warm")
        .arg("--images")
        .arg(glance.path("images"))
        .arg("--cache")
        .arg(&links[0])
        .arg("--base")
        .arg(&links[1])
        .env("OS_AUTH_URL", format!("{}/identity", world.base()))
        .env("OS_IMAGE_ENDPOINT_OVERRIDE", glance.base())
        .env("OS_USERNAME", user)
        .env("OS_PASSWORD", password)
        .env("OS_PROJECT_NAME", "service")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _warm = Warm(warm.unwrap());
    Scene { client: glance.client(&world.admin()), prefix: "", links: links.into(), at_once: 1 }
        .run();
}
