//! Volumes that come to a guest and go from it, by agents that die in between.

use crate::yard::{Life, SERVER, Yard};
use crate::{answer, is_off, is_on, start, stop};
use hatchery_model::compute::{GuestPhase, GuestSpec};
use hatchery_model::disk::BlockSource;
use hatchery_model::generation::Generation;
use hatchery_model::id::{AttachmentId, SnapshotId, VolumeId};
use hatchery_model::image::ImageFormat;
use hatchery_model::message::{AttachOutcome, Command, Event, StepName};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{GuestVolume, NewVolume, VolumeContent};
use hatchery_ports::volume_backend::VolumeBackend;
use hatchery_virt::sim::Step;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(crate) fn id(number: u128) -> VolumeId {
    VolumeId(Uuid::from_u128(0x3000 + number))
}

/// A volume that is there. What it says of its place was never true: nobody may trust it.
pub(crate) fn made(life: &Life, number: u128) -> GuestVolume {
    let new = NewVolume {
        volume: id(number),
        size: Bytes::from_mib(8),
        content: VolumeContent::Empty,
        holds_image: false,
    };
    life.runtime.block_on(life.volumes.create(&new)).unwrap();
    not_made(number)
}

fn not_made(number: u128) -> GuestVolume {
    GuestVolume {
        volume: id(number),
        attachment: AttachmentId(id(number).0),
        source: BlockSource::File {
            path: "/elsewhere".into(),
            format: ImageFormat::Raw,
            read_only: false,
            backing: None,
        },
        boot_index: None,
        device: "/dev/vdb".into(),
        qos: BTreeMap::new(),
    }
}

pub(crate) fn attach(generation: i64, volume: &GuestVolume) -> Command {
    let volume = Box::new(volume.clone());
    Command::AttachVolume { server: SERVER, generation: Generation(generation), volume }
}

pub(crate) fn detach(generation: i64, number: u128) -> Command {
    let attachment = AttachmentId(id(number).0);
    Command::DetachVolume { server: SERVER, generation: Generation(generation), attachment }
}

/// The last answer to an order.
pub(crate) fn outcome(life: &Life, wanted: i64) -> AttachOutcome {
    let event = life.hears(&format!("what became of order {wanted}"), |event| {
        matches!(event, Event::GuestVolumeChanged { generation, .. } if generation.0 == wanted)
    });
    let Event::GuestVolumeChanged { outcome, .. } = event else { panic!("{event:?}") };
    outcome
}

fn answers(life: &Life) -> usize {
    let heard = life.heard();
    heard.iter().filter(|event| matches!(event, Event::GuestVolumeChanged { .. })).count()
}

/// Volumes of the process, as it is.
pub(crate) fn plugged(yard: &Yard) -> Vec<String> {
    let marker = std::fs::read_to_string(yard.folder().join("sim.guest")).unwrap_or_default();
    marker.lines().skip(1).map(str::to_owned).collect()
}

/// The disks that the guest was last started with.
pub(crate) fn disks(yard: &Yard) -> Vec<Value> {
    let text = std::fs::read(yard.folder().join("definition.json")).unwrap();
    let definition: Value = serde_json::from_slice(&text).unwrap();
    definition["disks"].as_array().unwrap().clone()
}

#[test]
fn a_volume_is_there_at_once_and_at_every_start_until_it_goes() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let (one, two) = (made(&life, 1), made(&life, 2));
    yard.order(&life, attach(2, &one));
    yard.order(&life, attach(3, &two));
    assert_eq!(outcome(&life, 2), AttachOutcome::Attached);
    assert_eq!(outcome(&life, 3), AttachOutcome::Attached);
    assert_eq!(plugged(&yard), [id(1).to_string(), id(2).to_string()]);
    life.reports(Some((3, GuestPhase::Running)));
    yard.order(&life, stop(4));
    is_off(&answer(&life, 4));
    // Its bytes move, and a volume goes, while the guest does not run.
    life.runtime.block_on(life.volumes.snapshot(id(1), SnapshotId(Uuid::from_u128(9)))).unwrap();
    yard.order(&life, detach(5, 2));
    assert_eq!(outcome(&life, 5), AttachOutcome::Detached);
    drop(life);
    let life = yard.wake();
    yard.order(&life, start(6));
    is_on(&answer(&life, 6), StepName::PowerOn);
    assert_eq!(plugged(&yard), [id(1).to_string()]);
    let disks = disks(&yard);
    assert_eq!(
        (disks.len(), &disks[0]["boots"], &disks[1]["boots"]),
        (2, &true.into(), &false.into())
    );
    let path = disks[1]["source"]["File"]["path"].as_str().unwrap();
    assert!(path.ends_with(&format!("volume-{}.1", id(1))), "{path}");
    assert_eq!(disks[1]["serial"], id(1).to_string()[..20]);
    yard.order(&life, detach(7, 1));
    assert_eq!(outcome(&life, 7), AttachOutcome::Detached);
    assert!(plugged(&yard).is_empty());
    life.reports(Some((7, GuestPhase::Running)));
}

#[test]
fn orders_about_volumes_that_come_twice_or_late_are_answered_again() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let one = made(&life, 1);
    yard.order(&life, attach(2, &one));
    assert_eq!(outcome(&life, 2), AttachOutcome::Attached);
    yard.order(&life, attach(2, &one));
    yard.order(&life, stop(3));
    is_off(&answer(&life, 3));
    // Late, after an order about its power.
    yard.order(&life, attach(2, &one));
    yard.order(&life, detach(4, 1));
    assert_eq!(outcome(&life, 4), AttachOutcome::Detached);
    yard.order(&life, detach(4, 1));
    // Told beside the orders' acknowledgement, so some time after it.
    life.hears_times(&event_of(&life, 2), 3);
    life.hears_times(&event_of(&life, 4), 2);
    drop(life);
    let life = yard.wake();
    // Told again, since nobody knows who heard it.
    assert_eq!(outcome(&life, 4), AttachOutcome::Detached);
    // What came before the detach does not bring the volume back.
    let heard = answers(&life);
    yard.order(&life, attach(1, &one));
    assert!(matches!(outcome(&life, 1), AttachOutcome::NotAttached { .. }));
    assert_eq!(answers(&life), heard + 1);
    yard.order(&life, start(5));
    is_on(&answer(&life, 5), StepName::PowerOn);
    assert!(plugged(&yard).is_empty());
}

fn event_of(life: &Life, wanted: i64) -> Event {
    life.hears("the answer", |event| {
        matches!(event, Event::GuestVolumeChanged { generation, .. } if generation.0 == wanted)
    })
}

#[test]
fn what_fails_is_said_and_leaves_the_guest_as_it_was() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let one = made(&life, 1);
    life.hypervisor.fail(Step::Attach, 1, "no luck");
    yard.order(&life, attach(2, &one));
    let AttachOutcome::NotAttached { message, details } = outcome(&life, 2) else { panic!() };
    assert!(message.contains("could not be attached: no luck"), "{message}");
    assert_eq!(details, "no luck");
    assert!(plugged(&yard).is_empty());
    yard.order(&life, attach(3, &not_made(2)));
    let AttachOutcome::NotAttached { message, .. } = outcome(&life, 3) else { panic!() };
    assert!(message.contains("no backend that host host-a serves has volume"), "{message}");

    yard.order(&life, attach(4, &one));
    assert_eq!(outcome(&life, 4), AttachOutcome::Attached);
    life.hypervisor.fail(Step::Detach, 1, "it is mounted");
    yard.order(&life, detach(5, 1));
    let AttachOutcome::NotDetached { message, .. } = outcome(&life, 5) else { panic!() };
    assert!(message.contains("it is mounted"), "{message}");
    assert_eq!(plugged(&yard), [id(1).to_string()]);
    yard.order(&life, detach(6, 1));
    assert_eq!(outcome(&life, 6), AttachOutcome::Detached);
    // A volume that is lost keeps the guest from starting, and it says which.
    yard.order(&life, attach(7, &one));
    assert_eq!(outcome(&life, 7), AttachOutcome::Attached);
    yard.order(&life, stop(8));
    is_off(&answer(&life, 8));
    life.runtime.block_on(life.volumes.remove(id(1))).unwrap();
    yard.order(&life, start(9));
    let Event::GuestNotPoweredOn { details, .. } = answer(&life, 9) else { panic!() };
    assert!(details.contains(&format!("has volume {}", id(1))), "{details}");
    life.reports(Some((9, GuestPhase::Stopped)));
}

/// A failed plug that cannot be taken back is not called one: the guest may still have the volume.
#[test]
fn it_is_said_only_when_it_is_certain_that_a_volume_is_out() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let one = made(&life, 1);
    life.hypervisor.fail(Step::Attach, 1, "no luck");
    life.hypervisor.fail(Step::Detach, 2, "no answer");
    yard.order(&life, attach(2, &one));
    assert!(matches!(outcome(&life, 2), AttachOutcome::NotAttached { .. }));
    // Both refusals were met before it was said.
    yard.order(&life, detach(3, 1));
    assert_eq!(outcome(&life, 3), AttachOutcome::Detached);
}

/// Whoever does not hear how an order ended sends it again, more often than it takes: it is done once, and its end is for the last who asked.
#[test]
fn an_order_that_comes_again_while_it_is_done_is_not_done_twice() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let one = made(&life, 1);
    life.hypervisor.fail(Step::Attach, 1, "no luck");
    life.hypervisor.fail(Step::Detach, u32::MAX, "no answer");
    for generation in 2..5 {
        yard.order(&life, attach(generation, &one));
    }
    life.hypervisor.fail(Step::Detach, 0, "");
    let AttachOutcome::NotAttached { message, .. } = outcome(&life, 4) else { panic!() };
    assert!(message.contains("no luck"), "{message}");
    yard.order(&life, attach(5, &one));
    assert_eq!(outcome(&life, 5), AttachOutcome::Attached);
    assert_eq!((answers(&life), plugged(&yard).len()), (2, 1));
}

/// The agent dies when the order has been written down, before or after the guest has got the volume.
#[test]
fn an_order_about_a_volume_is_carried_out_by_the_next_agent() {
    for is_plugged in [false, true] {
        let yard = Yard::new();
        let life = yard.with_guest();
        let one = made(&life, 1);
        yard.order(&life, attach(2, &one));
        assert_eq!(outcome(&life, 2), AttachOutcome::Attached);
        let path = yard.folder().join("volumes.json");
        let mut plugs: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        if !is_plugged {
            yard.order(&life, detach(3, 1));
            assert_eq!(outcome(&life, 3), AttachOutcome::Detached);
        }
        drop(life);
        let volume = plugs["volumes"].as_array_mut().unwrap().pop().unwrap();
        plugs["generation"] = 4.into();
        plugs["answers"] = Value::Array(Vec::new());
        plugs["pending"] = serde_json::json!([
            {"generation": 4, "request": "req-4", "change": {"Attach": volume}}
        ]);
        std::fs::write(&path, plugs.to_string()).unwrap();
        let life = yard.wake();
        assert_eq!(outcome(&life, 4), AttachOutcome::Attached);
        assert_eq!(plugged(&yard), [id(1).to_string()]);
        life.reports(Some((4, GuestPhase::Running)));
    }
}

#[test]
fn power_and_volumes_do_not_undo_each_other() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let one = made(&life, 1);
    life.hypervisor.fail(Step::Stop, u32::MAX, "stuck");
    yard.order(&life, stop(2));
    life.reports(Some((2, GuestPhase::Stopping)));
    yard.order(&life, attach(3, &one));
    life.reports(Some((3, GuestPhase::Stopping)));
    life.hypervisor.fail(Step::Stop, 0, "");
    is_off(&answer(&life, 2));
    assert_eq!(outcome(&life, 3), AttachOutcome::Attached);
    life.reports(Some((3, GuestPhase::Stopped)));
    assert_eq!(yard.entry()["phase"], "Stopped");
    drop(life);
    let life = yard.wake();
    life.reports(Some((3, GuestPhase::Stopped)));
    yard.order(&life, start(4));
    is_on(&answer(&life, 4), StepName::PowerOn);
    assert_eq!(plugged(&yard), [id(1).to_string()]);
    // A guest that goes away takes its volumes out, and is answered for.
    let destroy = Command::DestroyGuest { server: SERVER, generation: Generation(5) };
    yard.order(&life, destroy);
    life.reports(None);
    yard.order(&life, detach(6, 1));
    assert_eq!(outcome(&life, 6), AttachOutcome::Detached);
    yard.order(&life, attach(7, &one));
    assert!(matches!(outcome(&life, 7), AttachOutcome::NotAttached { .. }));
    assert!(!yard.folder().exists());
}

#[test]
fn a_guest_boots_from_a_volume_alone() {
    let yard = Yard::new();
    let life = yard.wake();
    let root = GuestVolume { boot_index: Some(0), ..made(&life, 1) };
    let data = made(&life, 2);
    let spec = GuestSpec { root: None, volumes: vec![data, root], ..yard.spec(&life) };
    yard.order(&life, Command::BuildGuest(Box::new(spec)));
    let started = life.hears("the guest's start", |event| {
        matches!(event, Event::GuestStarted { .. } | Event::GuestFailed { .. })
    });
    assert!(matches!(started, Event::GuestStarted { .. }), "{started:?}");
    let disks = disks(&yard);
    assert_eq!(disks[0]["volume"], id(1).to_string());
    assert_eq!((&disks[0]["boots"], &disks[1]["boots"]), (&true.into(), &false.into()));
    let destroy = Command::DestroyGuest { server: SERVER, generation: Generation(2) };
    yard.order(&life, destroy);
    life.reports(None);
    assert!(life.runtime.block_on(life.volumes.find(id(1))).unwrap().is_some());
}
