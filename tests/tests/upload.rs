//! Uploads: large ones in bounded memory, broken ones without a trace.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, World, eventually, sample_qcow2};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn queued(admin: &Client, format: &str) -> String {
    let body = json!({"name": "u", "disk_format": format, "container_format": "bare"});
    admin.post("/image/v2/images", &body).expect(201)["id"].as_str().unwrap().to_owned()
}

fn show(admin: &Client, image: &str) -> Value {
    admin.get(&format!("/image/v2/images/{image}")).expect(200)
}

/// Opens an upload by hand, with the head that says `length` bytes.
fn begin(admin: &Client, image: &str, length: u64) -> TcpStream {
    let address = admin.base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!(
        "PUT /image/v2/images/{image}/file HTTP/1.1\r\nHost: {address}\r\nX-Auth-Token: {}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        admin.token()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn status_line(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text.lines().next().unwrap_or_default().to_owned()
}

fn rss_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn nothing_is_left(world: &World, admin: &Client, image: &str) {
    eventually("the image is queued again, without a file", 30, || {
        let (status, census) = (show(admin, image)["status"].clone(), world.census());
        if status == "queued" && census.litter.is_empty() && !census.images.contains(image) {
            Ok(())
        } else {
            Err(format!("{status} {census:?}"))
        }
    });
}

#[test]
fn four_gibibytes_take_little_memory() {
    const CHUNK: usize = 1 << 20;
    let world = World::start(Settings::sim());
    let admin = world.admin();
    let image = queued(&admin, "raw");
    let pid = world.process_id();
    let (idle, peak, done) = (rss_kib(pid), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                peak.fetch_max(rss_kib(pid), Ordering::SeqCst);
                std::thread::park_timeout(std::time::Duration::from_millis(5));
            }
        });
        let total = 4u64 << 30;
        let mut stream = begin(&admin, &image, total);
        let mut chunk = vec![0u8; CHUNK];
        for at in 0..total / CHUNK as u64 {
            // No two chunks alike, and none a hole.
            chunk.iter_mut().step_by(4096).for_each(|byte| *byte = (at % 251) as u8 + 1);
            chunk[..8].copy_from_slice(&at.to_be_bytes());
            stream.write_all(&chunk).unwrap();
        }
        let status = status_line(&mut stream);
        done.store(true, Ordering::SeqCst);
        assert!(status.contains("204"), "{status}");
    });
    let above = (peak.load(Ordering::SeqCst).saturating_sub(idle)) / 1024;
    println!("idle {} MiB, peak {above} MiB above it", idle / 1024);
    assert!(above < 64, "{above} MiB above idle");
    let shown = show(&admin, &image);
    assert_eq!((shown["status"].as_str(), shown["size"].as_u64()), (Some("active"), Some(4 << 30)));
    admin.delete(&format!("/image/v2/images/{image}")).expect(204);
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let world = World::start(Settings::sim());
    let admin = world.admin();
    let image = queued(&admin, "raw");
    let mut stream = begin(&admin, &image, 64 << 20);
    stream.write_all(&vec![7u8; 8 << 20]).unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    nothing_is_left(&world, &admin, &image);

    // The same image takes a good upload afterwards.
    let file = sample_qcow2(world.state(), 4);
    let again = queued(&admin, "qcow2");
    admin.put_file(&format!("/image/v2/images/{again}/file"), &file).expect(204);
    assert_eq!(show(&admin, &again)["status"], "active");
}

#[test]
fn a_killed_cloud_forgets_a_half_upload() {
    let mut world = World::start(Settings::sim());
    let admin = world.admin();
    let image = queued(&admin, "raw");
    let mut stream = begin(&admin, &image, 64 << 20);
    stream.write_all(&vec![7u8; 8 << 20]).unwrap();
    eventually("the upload has begun", 10, || {
        let status = show(&admin, &image)["status"].clone();
        if status == "saving" { Ok(()) } else { Err(status.to_string()) }
    });
    world.kill();
    world.up();
    nothing_is_left(&world, &world.admin(), &image);
}

#[test]
fn what_is_too_large_or_lies_is_refused() {
    let settings =
        Settings { toml: "[glance]\nimage_size_cap = 1048576\n".into(), ..Settings::sim() };
    let world = World::start(settings);
    let admin = world.admin();
    let image = queued(&admin, "raw");
    let path = format!("/image/v2/images/{image}/file");
    let kind = "application/octet-stream";
    let answer = admin.raw("PUT", &path, &vec![1u8; 2 << 20], kind);
    assert_eq!(answer.status, 413, "{}", answer.body);
    nothing_is_left(&world, &admin, &image);

    // Says raw, is qcow2 with a backing file; says qcow2, is text.
    let base = sample_qcow2(world.state(), 4);
    let overlay = world.state().join("overlay.qcow2");
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"])
        .args([&base, &overlay])
        .status();
    assert!(made.unwrap().success());
    let bytes = fs::read(&overlay).unwrap();
    for (format, bytes) in
        [("raw", bytes.as_slice()), ("qcow2", bytes.as_slice()), ("qcow2", b"no image".as_slice())]
    {
        let image = queued(&admin, format);
        let answer = admin.raw("PUT", &format!("/image/v2/images/{image}/file"), bytes, kind);
        assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.body);
        nothing_is_left(&world, &admin, &image);
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let mut world = World::start(Settings::sim());
    assert!(world.stop());
    let pool = world.state().join("pool");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16m,mode=0711", "tmpfs"])
        .arg(&pool)
        .status()
        .unwrap();
    assert!(mounted.success());
    let unmount = Unmount(pool.clone());
    world.up();
    let admin = world.admin();
    let image = queued(&admin, "raw");
    let path = format!("/image/v2/images/{image}/file");
    let answer = admin.raw("PUT", &path, &vec![1u8; 32 << 20], "application/octet-stream");
    assert_eq!(answer.status, 413, "{}", answer.body);
    nothing_is_left(&world, &admin, &image);
    assert!(world.stop());
    drop(unmount);
    world.up();
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
