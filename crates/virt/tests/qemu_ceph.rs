//! Guests on images of a real Ceph, run by a user who may read nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod qemu_fixture;

use hatchery_model::compute::DiskAttachment;
use hatchery_model::disk::{BlockSource, RbdImage};
use hatchery_model::id::VolumeId;
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_model::volume::serial_of;
use hatchery_ports::ceph_logins::{CephLogin, CephLogins, NoCephLogin};
use hatchery_ports::contract::hypervisor::HypervisorFixture;
use hatchery_ports::hypervisor::{Hypervisor, HypervisorError};
use hatchery_testkit::CephCluster;
use hatchery_virt::qemu::{CONSOLE, QemuSettings};
use qemu_fixture::{LETTING_GO, QemuFixture, new_uuid, until};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
struct Logins(CephLogin);

impl CephLogins for Logins {
    fn find(&self, _: &RbdImage) -> Result<CephLogin, NoCephLogin> {
        Ok(self.0.clone())
    }
}

fn settings(fixture: &QemuFixture, ceph: &CephCluster, key: String) -> QemuSettings {
    let conf = format!(
        "{}\n[client]\nclient mount timeout = 5\n",
        fs::read_to_string(ceph.conf()).unwrap()
    );
    QemuSettings { ceph: Arc::new(Logins(CephLogin { conf, key })), ..fixture.settings() }
}

fn disk(image: &str) -> DiskAttachment {
    let volume = VolumeId(new_uuid());
    DiskAttachment {
        serial: serial_of(volume),
        source: BlockSource::Rbd(RbdImage {
            pool: "vms".to_owned(),
            image: image.to_owned(),
            snapshot: None,
            user: "cinder".to_owned(),
            ceph_conf: None,
            monitors: Vec::new(),
        }),
        volume: Some(volume),
        boots: false,
        qos: BTreeMap::new(),
    }
}

/// Boots from an image in Ceph, takes another one while it runs, and gives it back; the key is nowhere to be read.
#[tokio::test]
async fn a_guest_boots_from_ceph_and_takes_a_volume_of_it() {
    let test = "a_guest_boots_from_ceph_and_takes_a_volume_of_it";
    let Some(ceph) = CephCluster::shared(test) else { return };
    let fixture = QemuFixture::new();
    let mut ready = fixture.guest_of(LETTING_GO);
    let base = ready.folder.join("base");
    ceph.rbd(&["import", base.to_str().unwrap(), "vms/boot"]);
    ceph.rbd(&["create", "--size", "8M", "vms/data"]);
    ready.definition.disks = vec![DiskAttachment { boots: true, ..disk("boot") }];
    let key = ceph.key("cinder");
    let plug = fixture.driver(settings(&fixture, ceph, key.clone()));
    let guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    let console = || fs::read(ready.folder.join(CONSOLE)).unwrap_or_default();
    until("its first word", || console().contains(&b'.')).await;
    let watched = |image: &str| ceph.rbd(&["status", &format!("vms/{image}")]).contains("watcher=");
    assert!(watched("boot") && !watched("data"));

    let volume = disk("data");
    for _ in 0..2 {
        guest.attach(&volume).await.unwrap();
    }
    until("the volume to be open", || watched("data")).await;
    ceph.rbd(&["resize", "--size", "16M", "--no-progress", "vms/data"]);
    guest.resize(volume.volume.unwrap(), Bytes::from_mib(16)).await.unwrap();
    for _ in 0..2 {
        guest.detach(volume.volume.unwrap()).await.unwrap();
    }
    assert!(!watched("data"));
    // Anew, after all of it was closed.
    guest.attach(&volume).await.unwrap();
    assert!(watched("data"));

    let process = format!("/proc/{}", guest.process_id().unwrap());
    for place in ["cmdline", "environ"] {
        let text = fs::read(format!("{process}/{place}")).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains(&key), "{place}");
    }
    guest.stop(Duration::ZERO).await.unwrap();
    for entry in fs::read_dir(&ready.folder).unwrap() {
        let text = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains(&key));
    }
}

/// From a file to Ceph, to another image there, and back to a larger file, while the guest runs.
#[tokio::test]
async fn a_volume_goes_over_to_ceph() {
    let Some(ceph) = CephCluster::shared("a_volume_goes_over_to_ceph") else { return };
    let fixture = QemuFixture::new();
    for (image, size) in [("first", "1M"), ("second", "4M")] {
        ceph.rbd(&["create", "--size", size, &format!("vms/{image}")]);
    }
    let ready = fixture.guest_of(LETTING_GO);
    let plug = fixture.driver(settings(&fixture, ceph, ceph.key("cinder")));
    let guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    let file = fixture.volume_of(ImageFormat::Raw);
    fs::write(file.source.path().unwrap(), vec![0xa5; 1 << 20]).unwrap();
    guest.attach(&file).await.unwrap();
    let (first, second) = (disk("first"), disk("second"));
    for (old, new) in [(&file, &first), (&first, &second)] {
        guest.mirror(old.volume.unwrap(), new).await.unwrap();
        guest.pivot(old.volume.unwrap(), new.volume.unwrap()).await.unwrap();
    }
    let watched = |image: &str| ceph.rbd(&["status", &format!("vms/{image}")]).contains("watcher=");
    assert!(!watched("first") && watched("second") && !fixture.has_volume(&ready, &file));
    let last = fixture.volume_of_mib(ImageFormat::Qcow2, 6);
    guest.mirror(second.volume.unwrap(), &last).await.unwrap();
    guest.pivot(second.volume.unwrap(), last.volume.unwrap()).await.unwrap();
    assert!(!watched("second") && fixture.has_volume(&ready, &last));
    guest.detach(last.volume.unwrap()).await.unwrap();
    let is_whole = |bytes: &[u8], mib: usize| {
        let (front, behind) = bytes.split_at(1 << 20);
        bytes.len() == mib << 20
            && front.iter().all(|byte| *byte == 0xa5)
            && behind.iter().all(|byte| *byte == 0)
    };
    assert!(is_whole(&fixture.bytes_of(&last), 6));
    for (image, mib) in [("first", 1), ("second", 4)] {
        let path = fixture.home().join(image);
        let name = format!("vms/{image}");
        ceph.rbd(&["export", "--no-progress", &name, path.to_str().unwrap()]);
        assert!(is_whole(&fs::read(path).unwrap(), mib), "{image}");
    }
    guest.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_wrong_key_and_a_host_without_ceph_are_said() {
    let Some(ceph) = CephCluster::shared("a_wrong_key_and_a_host_without_ceph_are_said") else {
        return;
    };
    let fixture = QemuFixture::new();
    ceph.rbd(&["create", "--size", "8M", "vms/refused"]);
    let ready = fixture.guest_of(LETTING_GO);
    let key = ceph.key("glance");
    let plug = fixture.driver(settings(&fixture, ceph, key.clone()));
    let guest = plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap();
    let volume = disk("refused");
    for _ in 0..2 {
        let error = guest.attach(&volume).await.unwrap_err();
        let text = format!("{error}: {:?}", std::error::Error::source(&error));
        assert!(text.contains("error connecting") && !text.contains(&key), "{text}");
    }
    guest.stop(Duration::ZERO).await.unwrap();

    let mut ready = fixture.guest_of(LETTING_GO);
    ready.definition.disks.push(volume);
    let plug = fixture.driver(fixture.settings());
    let started = plug.start(&ready.definition, &ready.folder, Vec::new()).await;
    let Some(HypervisorError::Invalid(text)) = started.err() else { panic!() };
    assert!(text.contains("vms/refused lies in Ceph"), "{text}");
}
