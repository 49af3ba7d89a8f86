//! What the contract does not ask and QEMU's driver promises: who its processes are, what they say when they end, and
//! what is left when something fails.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test says what it expects")]

mod qemu_fixture;

use hatchery_model::compute::PowerState;
use hatchery_model::disk::BlockSource;
use hatchery_model::image::ImageFormat;
use hatchery_ports::contract::hypervisor::{HypervisorFixture, ReadyGuest};
use hatchery_ports::hypervisor::{Guest, Hypervisor, HypervisorError};
use hatchery_virt::qemu::{
    Accelerator, AcceleratorChoice, QemuHypervisor, QemuSettings, prove_accelerator,
};
use qemu_fixture::{NOBODY, POWERING_OFF, QemuFixture, TICKING, kill, kill_with, until};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn start(plug: &QemuHypervisor, ready: &ReadyGuest) -> Arc<dyn Guest> {
    plug.start(&ready.definition, &ready.folder, Vec::new()).await.unwrap()
}

async fn failure(plug: &QemuHypervisor, ready: &ReadyGuest) -> HypervisorError {
    let started = plug.start(&ready.definition, &ready.folder, Vec::new()).await;
    started.err().expect("it does not start")
}

fn console(ready: &ReadyGuest) -> Vec<u8> {
    fs::read(ready.folder.join("console.log")).unwrap()
}

/// A program in QEMU's place.
fn stand_in(fixture: &QemuFixture, script: &str) -> QemuSettings {
    let path = fixture.home().join("qemu-stand-in");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    QemuSettings {
        binary: path,
        user: None,
        start_deadline: Duration::from_millis(300),
        ..fixture.settings()
    }
}

#[tokio::test]
async fn its_process_has_no_privilege_and_needs_no_right_in_the_filesystem() {
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    let ready = fixture.guest_of(TICKING);
    for (name, mode) in [("", 0o700), ("base", 0o400), ("disk", 0o600)] {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(ready.folder.join(name), mode).unwrap();
    }
    let guest = start(&plug, &ready).await;
    let proc = PathBuf::from(format!("/proc/{}", guest.process_id().unwrap()));
    let status = fs::read_to_string(proc.join("status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    if rustix::process::geteuid().is_root() {
        assert_eq!(field("Uid:"), vec![NOBODY.0.to_string(); 4]);
        assert_eq!(field("Gid:"), vec![NOBODY.1.to_string(); 4]);
        assert_eq!(field("Groups:"), Vec::<String>::new());
        assert_eq!(field("CapEff:"), ["0000000000000000"]);
    }
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    assert_eq!(field("Seccomp:"), ["2"]);
    assert_eq!(field("Umask:"), ["0027"]);
    let stat = fs::read_to_string(proc.join("stat")).unwrap();
    let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(session, guest.process_id().unwrap().to_string());
    let environment = fs::read(proc.join("environ")).unwrap();
    assert_eq!(environment, b"LC_ALL=C\0");
    until("the guest prints", || console(&ready).starts_with(b"..")).await;
    guest.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn it_inherits_what_it_needs_and_nothing_more() {
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    let ready = fixture.guest_of(TICKING);
    let secret = fs::File::create(fixture.home().join("secret")).unwrap();
    let guest = start(&plug, &ready).await;
    let mut files = Vec::new();
    for entry in fs::read_dir(format!("/proc/{}/fd", guest.process_id().unwrap())).unwrap() {
        let target = fs::read_link(entry.unwrap().path()).unwrap();
        if target.starts_with(fixture.home()) {
            files.push(target.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    files.sort();
    files.dedup();
    assert_eq!(files, ["base", "console.log", "disk", "qemu.log", "qemu.pid"]);
    drop(secret);
    guest.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_folder_with_a_long_path_is_as_good() {
    let fixture = QemuFixture::new();
    let server = "6d8b1f0e-0000-4000-8000-0000000000a1".parse().unwrap();
    let deep = fixture.home().join("d".repeat(200)).join("e".repeat(200));
    let ready = fixture.guest_in(&deep, server, TICKING);
    let guest = start(&fixture.driver(fixture.settings()), &ready).await;
    let process = guest.process_id();
    drop(guest);
    let plug = fixture.driver(fixture.settings());
    let found = plug.adopt(server, &deep).await.unwrap().unwrap();
    assert_eq!(found.process_id(), process);
    assert_eq!(found.power_state().await.unwrap(), PowerState::Running);
    found.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn the_end_of_a_guest_says_why() {
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    let off = fixture.guest_of(POWERING_OFF);
    assert_eq!(start(&plug, &off).await.ended().await, "the guest powered off");
    assert!(off.folder.join("disk").exists());

    let ready = fixture.guest_of(TICKING);
    let guest = start(&plug, &ready).await;
    kill(guest.process_id().unwrap());
    let why = guest.ended().await;
    assert!(why.starts_with("QEMU was ended by signal 9"), "{why}");

    let guest = start(&plug, &ready).await;
    kill_with(guest.process_id().unwrap(), Signal::TERM);
    assert_eq!(guest.ended().await, "QEMU was told to end by a signal from outside");

    let guest = start(&plug, &ready).await;
    guest.stop(Duration::ZERO).await.unwrap();
    assert_eq!(guest.ended().await, "it was stopped");
}

#[tokio::test]
async fn an_adopted_guest_says_why_too() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest_of(TICKING);
    drop(start(&fixture.driver(fixture.settings()), &ready).await);
    let plug = fixture.driver(fixture.settings());
    let found = plug.adopt(ready.definition.server, &ready.folder).await;
    let found = found.unwrap().unwrap();
    kill_with(found.process_id().unwrap(), Signal::TERM);
    assert_eq!(found.ended().await, "QEMU was told to end by a signal from outside");
}

#[tokio::test]
async fn a_restart_keeps_what_was_on_the_console() {
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    let ready = fixture.guest_of(TICKING);
    let mut length = 0;
    for _ in 0..2 {
        let guest = start(&plug, &ready).await;
        until("the guest prints", || console(&ready).len() > length + 1).await;
        guest.stop(Duration::ZERO).await.unwrap();
        length = console(&ready).len();
    }
    assert!(console(&ready).iter().all(|byte| *byte == b'.'));
}

#[tokio::test]
async fn a_second_start_is_refused_and_harms_nobody() {
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    let ready = fixture.guest_of(TICKING);
    let guest = start(&plug, &ready).await;
    let error = failure(&plug, &ready).await;
    assert!(error.to_string().contains("runs already"), "{error}");
    let found = plug.adopt(ready.definition.server, &ready.folder).await;
    assert_eq!(found.unwrap().unwrap().process_id(), guest.process_id());
    guest.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn an_old_handle_takes_nothing_from_a_new_process() {
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    let ready = fixture.guest_of(TICKING);
    let old = start(&plug, &ready).await;
    old.stop(Duration::ZERO).await.unwrap();
    let new = start(&plug, &ready).await;
    old.stop(Duration::ZERO).await.unwrap();
    assert_eq!(old.power_state().await.unwrap(), PowerState::Off);
    assert_eq!(new.power_state().await.unwrap(), PowerState::Running);
    let found = plug.adopt(ready.definition.server, &ready.folder).await;
    assert_eq!(found.unwrap().unwrap().process_id(), new.process_id());
    new.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_failed_start_quotes_qemu() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest_that_cannot_start().await;
    let error = failure(&fixture.driver(fixture.settings()), &ready).await.to_string();
    assert!(
        error.starts_with("QEMU ended with status 1 before the guest ran; its log ends:"),
        "{error}"
    );
    assert!(error.contains("not in qcow2 format"), "{error}");

    let script = "echo once >&2; echo twice >&2; exit 3";
    let error = failure(&fixture.driver(stand_in(&fixture, script)), &ready).await;
    assert_eq!(
        error.to_string(),
        "QEMU ended with status 3 before the guest ran; its log ends: once; twice"
    );
}

#[tokio::test]
async fn a_qemu_that_never_answers_is_ended() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest_of(TICKING);
    let plug = fixture.driver(stand_in(&fixture, "exec sleep 1000"));
    let error = failure(&plug, &ready).await.to_string();
    assert!(error.contains("did not answer qmp_capabilities within 300ms"), "{error}");
    assert!(!fixture.has_leftovers(&ready.folder));
    let none = plug.adopt(ready.definition.server, &ready.folder).await;
    assert!(none.unwrap().is_none());
}

#[tokio::test]
async fn a_program_that_is_missing_or_no_program_is_said() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest_of(TICKING);
    let mut settings = fixture.settings();
    settings.binary = PathBuf::from("qemu-system-of-nobody");
    let error = failure(&fixture.driver(settings.clone()), &ready).await;
    assert!(matches!(error, HypervisorError::Unsupported(_)), "{error}");
    settings.binary = ready.folder.join("disk");
    let error = failure(&fixture.driver(settings), &ready).await;
    assert!(error.to_string().contains("cannot be started"), "{error}");
    assert!(!fixture.has_leftovers(&ready.folder));
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_no_process() {
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    for micros in (0..40).map(|step| step * 1000) {
        let ready = fixture.guest_of(TICKING);
        let start = plug.start(&ready.definition, &ready.folder, Vec::new());
        let started = tokio::time::timeout(Duration::from_micros(micros), start).await;
        if started.is_err() {
            let server = ready.definition.server;
            until("nothing is left", || fixture.processes(server) == 0).await;
            assert!(plug.adopt(server, &ready.folder).await.unwrap().is_none());
            assert!(!fixture.has_leftovers(&ready.folder));
        }
    }
}

#[tokio::test]
async fn a_process_is_found_without_its_record() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest_of(TICKING);
    let process = start(&fixture.driver(fixture.settings()), &ready).await.process_id();
    let server = ready.definition.server;
    fs::write(ready.folder.join("qemu.pid"), "").unwrap();
    let plug = fixture.driver(fixture.settings());
    let found = plug.adopt(server, &ready.folder).await.unwrap();
    assert_eq!(found.unwrap().process_id(), process);
    fs::remove_file(ready.folder.join("qemu.pid")).unwrap();
    let found = plug.adopt(server, &ready.folder).await.unwrap().unwrap();
    assert_eq!(found.process_id(), process);
    found.stop(Duration::ZERO).await.unwrap();
    assert_eq!(fixture.processes(server), 0);
}

#[tokio::test]
async fn a_stale_record_is_nobodys() {
    let fixture = QemuFixture::new();
    let (ready, other) = (fixture.guest_of(TICKING), fixture.guest_of(TICKING));
    let plug = fixture.driver(fixture.settings());
    let running = start(&plug, &other).await;
    for pid in [running.process_id().unwrap(), std::process::id(), 1, u32::MAX] {
        fs::write(ready.folder.join("qemu.pid"), pid.to_string()).unwrap();
        let found = plug.adopt(ready.definition.server, &ready.folder).await;
        assert!(found.unwrap().is_none());
        assert!(!fixture.has_leftovers(&ready.folder));
    }
    assert_eq!(running.power_state().await.unwrap(), PowerState::Running);
    running.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_stuck_qemu_is_adopted_and_can_be_ended() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest_of(TICKING);
    let settings = QemuSettings {
        answer_deadline: Duration::from_millis(100),
        end_deadline: Duration::from_millis(100),
        ..fixture.settings()
    };
    let process = start(&fixture.driver(settings.clone()), &ready).await.process_id();
    kill_with(process.unwrap(), Signal::STOP);
    let plug = fixture.driver(settings);
    let found = plug.adopt(ready.definition.server, &ready.folder).await;
    let found = found.unwrap().unwrap();
    let state = found.power_state().await;
    assert!(matches!(state, Err(HypervisorError::Unavailable { .. })));
    found.stop(Duration::ZERO).await.unwrap();
    assert_eq!(found.ended().await, "it was killed, as it did not end in time");
    assert_eq!(fixture.processes(ready.definition.server), 0);
}

#[tokio::test]
async fn the_config_drive_is_a_disk_that_nobody_writes() {
    let fixture = QemuFixture::new();
    let mut ready = fixture.guest_of(TICKING);
    let drive = ready.folder.join("config.img");
    fs::write(&drive, vec![0; 4096]).unwrap();
    fs::set_permissions(&drive, fs::Permissions::from_mode(0o400)).unwrap();
    ready.definition.config_drive = Some(drive.clone());
    let plug = fixture.driver(fixture.settings());
    let guest = start(&plug, &ready).await;
    let open = open_modes(guest.process_id().unwrap(), &drive);
    assert!(!open.is_empty() && open.iter().all(|mode| mode & 0o3 == 0), "{open:?}");
    guest.stop(Duration::ZERO).await.unwrap();
    fs::remove_file(&drive).unwrap();
    let error = failure(&plug, &ready).await;
    assert!(matches!(error, HypervisorError::Unavailable { .. }));
    assert!(error.to_string().contains("config drive"), "{error}");
}

/// Flags of every descriptor by which the process has that file open.
fn open_modes(pid: u32, file: &Path) -> Vec<u32> {
    let mut modes = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let path = entry.unwrap().path();
        if fs::read_link(&path).is_ok_and(|target| target == file) {
            let number = path.file_name().unwrap().to_str().unwrap().to_owned();
            let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            modes.push(u32::from_str_radix(flags.trim(), 8).unwrap());
        }
    }
    modes
}

#[tokio::test]
async fn an_accelerator_is_proved_by_a_guest_that_runs() {
    let fixture = QemuFixture::new();
    let QemuSettings { binary, user, .. } = fixture.settings();
    let deadline = Duration::from_secs(30);
    let proof = prove_accelerator(&binary, AcceleratorChoice::Tcg, user, deadline).await;
    assert_eq!(proof.unwrap().accelerator, Accelerator::Tcg);
    // KVM here may be missing, may hang every guest, or may work; in no case is it taken unproved.
    let deadline = Duration::from_secs(2);
    let kvm = prove_accelerator(&binary, AcceleratorChoice::Kvm, user, deadline).await;
    let auto = prove_accelerator(&binary, AcceleratorChoice::Auto, user, deadline).await.unwrap();
    match kvm {
        Ok(_) => assert_eq!((auto.accelerator, auto.refused), (Accelerator::Kvm, None)),
        Err(_) => {
            assert_eq!(auto.accelerator, Accelerator::Tcg);
            assert!(auto.refused.unwrap().to_lowercase().contains("kvm"));
        }
    }
}

#[tokio::test]
async fn an_accelerator_that_hangs_or_lies_is_refused() {
    let fixture = QemuFixture::new();
    let marker = fixture.home().join("pid");
    let script = format!("echo $$ > {}; exec sleep 1000", marker.display());
    let hanging = stand_in(&fixture, &script).binary;
    let begun = Instant::now();
    let deadline = Duration::from_millis(500);
    let refused = prove_accelerator(&hanging, AcceleratorChoice::Tcg, None, deadline).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.starts_with("tcg runs no guest here") && text.contains("0.5 s"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let pid = fs::read_to_string(marker).unwrap();
    until("the trial is gone", || !Path::new("/proc").join(pid.trim()).join("exe").exists()).await;
    for script in ["exit 0", "exit 1"] {
        let lying = stand_in(&fixture, script).binary;
        let refused = prove_accelerator(&lying, AcceleratorChoice::Tcg, None, deadline).await;
        assert!(matches!(refused, Err(HypervisorError::Unsupported(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_guest_that_does_not_let_go_of_a_volume_is_said_and_may_do_so_later() {
    let fixture = QemuFixture::new();
    let settings =
        QemuSettings { detach_deadline: Duration::from_millis(1500), ..fixture.settings() };
    let ready = fixture.guest_of(TICKING);
    let disk = fixture.volume_of(ImageFormat::Raw);
    let (volume, path) = (disk.volume.unwrap(), disk.source.path().unwrap().to_owned());
    let guest = start(&fixture.driver(settings), &ready).await;
    guest.attach(&disk).await.unwrap();
    let begun = Instant::now();
    let text = guest.detach(volume).await.unwrap_err().to_string();
    assert!(text.contains("has not let go of volume") && text.contains("1.5 s"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    let pid = guest.process_id().unwrap();
    assert!(fixture.has_volume(&ready, &disk));
    // Handed over twice at the most, and with the right to write.
    assert!(open_modes(pid, &path).iter().all(|mode| mode & 0o3 == 2));
    assert_eq!(guest.power_state().await.unwrap(), PowerState::Running);
    guest.stop(Duration::ZERO).await.unwrap();
    guest.detach(volume).await.unwrap();
}

#[tokio::test]
async fn a_volume_of_several_layers_leaves_no_file_open_when_it_goes() {
    let fixture = QemuFixture::new();
    let plug = fixture.driver(fixture.settings());
    let ready = fixture.guest().await;
    let guest = start(&plug, &ready).await;
    let mut disk = fixture.volume_of(ImageFormat::Raw);
    for number in 0..5 {
        let path = fixture.home().join(format!("layer{number}"));
        let below = disk.source.clone();
        let made = Command::new("qemu-img")
            .args(["create", "-q", "-f", "qcow2", "-F", &below.format().to_string(), "-b"])
            .args([below.path().unwrap(), &path])
            .status();
        assert!(made.unwrap().success());
        let backing = Some(Box::new(below));
        disk.source =
            BlockSource::File { path, format: ImageFormat::Qcow2, read_only: false, backing };
    }
    let open_files = |guest: &dyn Guest| {
        fs::read_dir(format!("/proc/{}/fd", guest.process_id().unwrap())).unwrap().count()
    };
    let before = open_files(&*guest);
    for _ in 0..3 {
        guest.attach(&disk).await.unwrap();
        // Each layer is open for QEMU and for the set that it came in.
        assert!(open_files(&*guest) >= before + 6);
        guest.detach(disk.volume.unwrap()).await.unwrap();
        // QEMU closes a file a moment after it has let go of it.
        until("all its files are closed", || open_files(&*guest) == before).await;
    }
    guest.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_guest_takes_as_many_volumes_as_it_has_slots() {
    let fixture = QemuFixture::new();
    let ready = fixture.guest().await;
    let guest = start(&fixture.driver(fixture.settings()), &ready).await;
    let disks: Vec<_> = (0..13).map(|_| fixture.volume_of(ImageFormat::Qcow2)).collect();
    for disk in &disks[..12] {
        guest.attach(disk).await.unwrap();
    }
    let error = guest.attach(&disks[12]).await.unwrap_err();
    assert!(matches!(error, HypervisorError::Invalid(_)), "{error}");
    assert!(!fixture.has_volume(&ready, &disks[12]));
    guest.detach(disks[5].volume.unwrap()).await.unwrap();
    guest.attach(&disks[12]).await.unwrap();
    guest.stop(Duration::ZERO).await.unwrap();
}
