//! A Linux guest that finds a volume while it runs, sees it grow, and lets go of it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects"
)]

mod qemu_fixture;

use base64::Engine;
use hatchery_model::compute::{DiskAttachment, GuestDefinition, GuestMetadata, GuestSpec};
use hatchery_model::disk::BlockSource;
use hatchery_model::generation::Generation;
use hatchery_model::id::{ProjectId, ServerId};
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::contract::hypervisor::{HypervisorFixture, ReadyGuest};
use hatchery_ports::hypervisor::Hypervisor;
use hatchery_ports::metadata::ConfigDrive;
use hatchery_testkit::ManualClock;
use hatchery_virt::guest_data::{DriveOwner, IsoConfigDrive};
use qemu_fixture::{QemuFixture, new_uuid, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Says once a second which disks there are: name, serial number, sectors.
const TELLS_ITS_DISKS: &str = "#!/bin/sh
(while :; do
  for disk in /sys/block/vd*; do
    echo \"DISK ${disk##*/} $(cat $disk/serial) $(cat $disk/size) END\" > /dev/ttyS0
  done
  echo ROUND > /dev/ttyS0
  sleep 1
done) &
";

async fn linux_guest(fixture: &QemuFixture) -> ReadyGuest {
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest/tiny.qcow2");
    assert!(
        image.exists(),
        "{} is missing; `make test` builds it, or `cargo xtask guest tiny --out FILE`",
        image.display()
    );
    let server = ServerId(new_uuid());
    let folder = fixture.home().join(server.to_string());
    let ready = fixture.guest_in(&folder, server, &[]);
    let (disk, drive) = (folder.join("linux"), folder.join("disk.config"));
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"])
        .args([&image, &disk])
        .status();
    assert!(made.unwrap().success());
    let spec = GuestSpec {
        server,
        generation: Generation(1),
        name: "instance-00000001".to_owned(),
        vcpus: 1,
        memory_mib: 192,
        root: None,
        volumes: Vec::new(),
        nics: Vec::new(),
        metadata: GuestMetadata {
            name: "disks".to_owned(),
            hostname: "disks".to_owned(),
            project: ProjectId::from("p"),
            availability_zone: "nova".to_owned(),
            launch_index: 0,
            keys: Vec::new(),
            meta: Default::default(),
            user_data: Some(base64::prelude::BASE64_STANDARD.encode(TELLS_ITS_DISKS)),
            random_seed: String::new(),
        },
        config_drive: true,
    };
    let drives = IsoConfigDrive::new(Arc::new(ManualClock::default()), DriveOwner::default());
    drives.write(&spec, &drive).await.unwrap();
    let base = BlockSource::File {
        path: image,
        format: ImageFormat::Qcow2,
        read_only: true,
        backing: None,
    };
    let root = DiskAttachment {
        serial: "root".to_owned(),
        source: BlockSource::File {
            path: disk,
            format: ImageFormat::Qcow2,
            read_only: false,
            backing: Some(Box::new(base)),
        },
        volume: None,
        boots: true,
        qos: BTreeMap::new(),
    };
    let definition = GuestDefinition {
        disks: vec![root],
        memory_mib: spec.memory_mib,
        config_drive: Some(drive),
        ..ready.definition
    };
    ReadyGuest { definition, folder }
}

/// Whether a file's disk holds that byte in its first MiB, and is of that size with nothing but zeros behind.
fn is_grown(disk: &DiskAttachment, byte: u8, mib: u64) -> bool {
    let BlockSource::File { path, format, .. } = &disk.source else { panic!() };
    let behind = format!("read -P 0 1M {}M", mib - 1);
    let read = format!("read -P {byte} 0 1M");
    let done = Command::new("qemu-io")
        .args(["-r", "-f", &format.to_string(), "-c", &read, "-c", &behind, "-c", "length"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    done.status.success() && !text.contains("failed") && text.contains(&format!("\n{mib} MiB"))
}

/// Says something to QEMU itself, which listens to one at a time, and gives the answer.
fn tell(ready: &ReadyGuest, command: &str, arguments: &Value) -> Value {
    let stream = UnixStream::connect(ready.folder.join("qmp.sock")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut answer = |sent: Value| {
        writeln!(&stream, "{sent}").unwrap();
        loop {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            if line.get("return").is_some() || line.get("error").is_some() {
                return line;
            }
        }
    };
    answer(json!({"execute": "qmp_capabilities"}));
    let told = answer(json!({"execute": command, "arguments": arguments}));
    assert!(told.get("error").is_none(), "{command}: {told}");
    told["return"].clone()
}

/// The node of a volume.
fn node(disk: &DiskAttachment) -> String {
    format!("v{}", disk.serial)
}

/// The first so many steps of what a driver does when the guest goes over to a larger volume. Another one dies after them.
async fn go_over(ready: &ReadyGuest, old: &DiskAttachment, new: &DiskAttachment, steps: u32) {
    let (layer, job) = (format!("n{}", node(new)), format!("swap-{}", node(new)));
    if steps > 0 {
        tell(ready, "job-complete", &json!({"id": job}));
        let has = |drives: &Value| drives.to_string().contains(&format!("\"{layer}\""));
        until("it is over", || has(&tell(ready, "query-block", &json!({})))).await;
    }
    if steps > 1 {
        tell(ready, "job-dismiss", &json!({"id": job}));
        let path = format!("/machine/peripheral/{}", node(old));
        let whole = json!({"path": path, "property": "drive", "value": node(new)});
        tell(ready, "qom-set", &whole);
    }
    if steps > 2 {
        tell(ready, "blockdev-del", &json!({"node-name": layer}));
    }
}

/// Writes a byte all over a file's disk.
fn fill(disk: &DiskAttachment, byte: u8) {
    let BlockSource::File { path, format, .. } = &disk.source else { panic!() };
    let write = format!("write -P {byte} 0 1M");
    let done = Command::new("qemu-io")
        .args(["-f", &format.to_string(), "-c", &write])
        .arg(path)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

/// Whether a file's disk holds that byte and no other.
fn holds(disk: &DiskAttachment, byte: u8) -> bool {
    let BlockSource::File { path, format, .. } = &disk.source else { panic!() };
    let read = format!("read -P {byte} 0 1M");
    let done = Command::new("qemu-io")
        .args(["-r", "-f", &format.to_string(), "-c", &read])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    done.status.success() && !text.contains("failed")
}

/// Copies and volumes that take another one's place hold what was there, whichever formats they have.
#[tokio::test]
async fn what_is_copied_while_a_guest_runs_is_what_was_there() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest().await;
    let plug = fixture.driver(fixture.settings());
    let guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    let formats = [ImageFormat::Qcow2, ImageFormat::Raw];
    for (from, to) in formats.into_iter().flat_map(|from| formats.map(|to| (from, to))) {
        let (disk, copy, new) =
            (fixture.volume_of(from), fixture.volume_of(to), fixture.volume_of(to));
        let (old, volume) = (disk.volume.unwrap(), new.volume.unwrap());
        fill(&disk, 0xa5);
        guest.attach(&disk).await.unwrap();
        guest.copy(Some(old), &copy.source).await.unwrap();
        guest.mirror(old, &new).await.unwrap();
        // While both are written to, nothing else is done with the old one; it can be copied no less.
        guest.pivot(old, volume).await.unwrap();
        guest.detach(volume).await.unwrap();
        for one in [&disk, &copy, &new] {
            assert!(holds(one, 0xa5) && !holds(one, 0xa6), "{from} {to}");
        }
    }
    guest.stop(Duration::ZERO).await.unwrap();
}

/// What QEMU limits a volume's device to, in requests a second and in a burst. A guest that was not limited has none of both.
fn requests(ready: &ReadyGuest, disk: &DiskAttachment) -> (u64, u64) {
    let drives = tell(ready, "query-block", &json!({}));
    let path = format!("/machine/peripheral/{}/", node(disk));
    let has = |drive: &&Value| drive["qdev"].as_str().is_some_and(|qdev| qdev.starts_with(&path));
    let found = drives.as_array().unwrap().iter().find(has).unwrap();
    let of = |word: &str| found["inserted"][word].as_u64().unwrap_or_default();
    (of("iops"), of("iops_max"))
}

/// What a guest takes is limited by its device: from its start, from the plugging in, and over a swap, which goes on with the limits of the old one.
#[tokio::test]
async fn what_a_guest_takes_of_its_volumes_is_limited() {
    let fixture = QemuFixture::new();
    let mut ready = fixture.guest().await;
    let qos = |words: &[(&str, &str)]| -> BTreeMap<String, String> {
        words.iter().map(|(word, value)| ((*word).to_owned(), (*value).to_owned())).collect()
    };
    let with = |words| DiskAttachment { qos: qos(words), ..fixture.volume_of(ImageFormat::Raw) };
    let first = with(&[("total_iops_sec", "100"), ("total_iops_sec_max", "200")]);
    let second = with(&[("total_iops_sec", "300"), ("size_iops_sec", "4096")]);
    let (free, new) = (with(&[]), with(&[("total_iops_sec", "400")]));
    ready.definition.disks.push(first.clone());
    let plug = fixture.driver(fixture.settings());
    let guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    for disk in [&second, &free] {
        guest.attach(disk).await.unwrap();
    }
    for wrong in [with(&[("total_iops_sec", "many")]), with(&[("read_iops_sec_max", "1")])] {
        let refused = guest.attach(&wrong).await.unwrap_err().to_string();
        assert!(refused.contains("iops_sec"), "{refused}");
        assert!(!fixture.has_volume(&ready, &wrong));
        let refused = guest.mirror(free.volume.unwrap(), &wrong).await.unwrap_err().to_string();
        assert!(refused.contains("iops_sec"), "{refused}");
    }
    drop(guest);
    let found = [&first, &second, &free].map(|disk| requests(&ready, disk));
    assert_eq!(found, [(100, 200), (300, 0), (0, 0)]);

    let guest = plug.adopt(ready.definition.server, &ready.folder).await.unwrap().unwrap();
    let (old, volume) = (first.volume.unwrap(), new.volume.unwrap());
    guest.mirror(old, &new).await.unwrap();
    guest.pivot(old, volume).await.unwrap();
    guest.limit(volume, &new.qos).await.unwrap();
    guest.limit(second.volume.unwrap(), &BTreeMap::new()).await.unwrap();
    // Plugged in again, it keeps to what is said now.
    guest.attach(&DiskAttachment { qos: second.qos.clone(), ..free.clone() }).await.unwrap();
    drop(guest);
    // The device has the name of the volume that it had first.
    let found = [&first, &second, &free].map(|disk| requests(&ready, disk));
    assert_eq!(found, [(400, 0), (0, 0), (300, 0)]);
    let guest = plug.adopt(ready.definition.server, &ready.folder).await.unwrap().unwrap();
    guest.stop(Duration::ZERO).await.unwrap();
    let wrong = with(&[("write_bytes_sec", "1"), ("total_bytes_sec", "1")]);
    ready.definition.disks.push(wrong);
    let refused = plug.start(&ready.definition, &ready.folder, Vec::new()).await.err().unwrap();
    assert!(refused.to_string().contains("(bps)"), "{refused}");
    assert_eq!(fixture.processes(ready.definition.server), 0);
}

/// A larger volume takes a smaller one's place; whoever does it dies after each step of the way, and the next one goes on from there.
#[tokio::test]
async fn a_larger_volume_takes_a_place_whoever_dies_over_it() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest().await;
    let plug = fixture.driver(fixture.settings());
    let formats = [ImageFormat::Qcow2, ImageFormat::Raw];
    let mut guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    for (from, to) in formats.into_iter().flat_map(|from| formats.map(|to| (from, to))) {
        for done in 0..=3 {
            let (disk, new) = (fixture.volume_of(from), fixture.volume_of_mib(to, 5));
            let (old, volume) = (disk.volume.unwrap(), new.volume.unwrap());
            fill(&disk, 0xa5);
            guest.attach(&disk).await.unwrap();
            guest.mirror(old, &new).await.unwrap();
            drop(guest);
            go_over(&ready, &disk, &new, done).await;
            let server = ready.definition.server;
            guest = plug.adopt(server, &ready.folder).await.unwrap().unwrap();
            if done != 1 {
                guest.mirror(old, &new).await.unwrap();
            }
            for _ in 0..2 {
                guest.pivot(old, volume).await.unwrap();
            }
            assert!(!fixture.has_volume(&ready, &disk) && fixture.has_volume(&ready, &new));
            // What is done with any volume is done with this one.
            let copy = fixture.volume_of_mib(to, 5);
            guest.copy(Some(volume), &copy.source).await.unwrap();
            guest.resize(volume, Bytes::from_mib(6)).await.unwrap();
            let (third, small) = (fixture.volume_of_mib(from, 7), fixture.volume_of(from));
            let third_id = third.volume.unwrap();
            assert!(guest.mirror(volume, &small).await.is_err(), "it is smaller");
            assert!(!fixture.has_volume(&ready, &small));
            guest.mirror(volume, &third).await.unwrap();
            guest.pivot(volume, third_id).await.unwrap();
            guest.detach(third_id).await.unwrap();
            assert!(is_grown(&new, 0xa5, 6) && is_grown(&copy, 0xa5, 5), "{from} {to} {done}");
            assert!(is_grown(&third, 0xa5, 7) && holds(&disk, 0xa5), "{from} {to} {done}");
            drop(guest);
            let left = tell(&ready, "query-named-block-nodes", &json!({"flat": true}));
            assert!(!left.to_string().contains(&node(&new)), "{left}");
            guest = plug.adopt(server, &ready.folder).await.unwrap().unwrap();
        }
    }
    guest.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn linux_finds_a_volume_sees_it_grow_and_lets_go_of_it() {
    let fixture = QemuFixture::new();
    let ready = linux_guest(&fixture).await;
    let plug = fixture.driver(fixture.settings());
    let mut guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    let console = || {
        let bytes = std::fs::read(ready.folder.join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let rounds = || console().matches("ROUND").count();
    let line =
        |disk: &DiskAttachment, size: Bytes| format!("vdc {} {} END", disk.serial, size.0 / 512);
    until("the guest tells its disks", || rounds() > 0).await;
    for format in [ImageFormat::Qcow2, ImageFormat::Raw] {
        let disk = fixture.volume_of(format);
        let volume = disk.volume.unwrap();
        guest.attach(&disk).await.unwrap();
        until("the guest has it", || console().contains(&line(&disk, Bytes::from_mib(1)))).await;
        guest.resize(volume, Bytes::from_mib(3)).await.unwrap();
        until("it has grown", || console().contains(&line(&disk, Bytes::from_mib(3)))).await;
        // The device is the same one with another volume.
        let larger = fixture.volume_of_mib(format, 9);
        guest.mirror(volume, &larger).await.unwrap();
        if format == ImageFormat::Raw {
            // Whoever did that died before the guest was told.
            drop(guest);
            go_over(&ready, &disk, &larger, 3).await;
            guest = plug.adopt(ready.definition.server, &ready.folder).await.unwrap().unwrap();
        }
        guest.pivot(volume, larger.volume.unwrap()).await.unwrap();
        until("it is as large as the new one", || {
            console().contains(&line(&disk, Bytes::from_mib(9)))
        })
        .await;
        guest.detach(larger.volume.unwrap()).await.unwrap();
        assert!(!fixture.has_volume(&ready, &disk) && !fixture.has_volume(&ready, &larger));
        // The round that was begun may still name it.
        let begun = rounds();
        until("two further rounds", || rounds() > begun + 1).await;
        let text = console();
        let last = text.trim_end().rsplit("ROUND").nth(1).unwrap();
        assert!(!last.contains(&disk.serial), "{last}");
    }
    guest.stop(Duration::ZERO).await.unwrap();
}
