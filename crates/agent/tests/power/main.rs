//! Guests that are stopped, started and rebooted, by agents that die in between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod swaps;
mod volumes;
mod yard;

use hatchery_model::compute::{GuestPhase, RebootKind};
use hatchery_model::generation::Generation;
use hatchery_model::message::{Command, Event, HostBaseState, StepName};
use hatchery_virt::sim::Step;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::Ordering;
use yard::{IMAGE, Life, SERVER, Yard};

fn stop(generation: i64) -> Command {
    Command::StopGuest { server: SERVER, generation: Generation(generation), grace_seconds: 60 }
}

fn start(generation: i64) -> Command {
    Command::StartGuest { server: SERVER, generation: Generation(generation) }
}

fn reboot(generation: i64, kind: RebootKind) -> Command {
    let (server, generation) = (SERVER, Generation(generation));
    Command::RebootGuest { server, generation, kind, grace_seconds: 120 }
}

/// The answer to an order: its name.
fn answer(life: &Life, wanted: i64) -> Event {
    life.hears(&format!("the answer to order {wanted}"), |event| match event {
        Event::GuestPoweredOff { generation, .. }
        | Event::GuestPoweredOn { generation, .. }
        | Event::GuestNotPoweredOn { generation, .. } => generation.0 == wanted,
        _ => false,
    })
}

/// How many answers there were.
fn answers(life: &Life) -> usize {
    let heard = life.heard();
    heard
        .iter()
        .filter(|event| {
            matches!(
                event,
                Event::GuestPoweredOff { .. }
                    | Event::GuestPoweredOn { .. }
                    | Event::GuestNotPoweredOn { .. }
            )
        })
        .count()
}

#[track_caller]
fn is_off(event: &Event) {
    let Event::GuestPoweredOff { steps, .. } = event else { panic!("{event:?}") };
    assert_eq!((steps.len(), steps[0].step, steps[0].ok), (1, StepName::PowerOff, true));
}

#[track_caller]
fn is_on(event: &Event, step: StepName) {
    let Event::GuestPoweredOn { steps, .. } = event else { panic!("{event:?}") };
    assert_eq!((steps.len(), steps[0].step, steps[0].ok), (1, step, true));
}

#[test]
fn a_guest_stops_and_starts_with_all_that_it_had() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let disk = std::fs::metadata(yard.folder().join("disk")).unwrap().ino();
    std::fs::write(yard.folder().join("console.log"), "first boot\n").unwrap();
    yard.order(&life, stop(2));
    is_off(&answer(&life, 2));
    assert!(!yard.has_process());
    life.reports(Some((2, GuestPhase::Stopped)));
    assert_eq!(yard.entry()["order"], serde_json::Value::Null);
    yard.order(&life, start(3));
    is_on(&answer(&life, 3), StepName::PowerOn);
    assert!(yard.has_process());
    life.reports(Some((3, GuestPhase::Running)));
    for (generation, kind) in [(4, RebootKind::Soft), (5, RebootKind::Hard)] {
        yard.order(&life, reboot(generation, kind));
        is_on(&answer(&life, generation), StepName::Reboot);
        life.reports(Some((generation, GuestPhase::Running)));
    }
    assert_eq!(life.hypervisor.running(), 1);
    assert_eq!(std::fs::metadata(yard.folder().join("disk")).unwrap().ino(), disk);
    let console = std::fs::read_to_string(yard.folder().join("console.log")).unwrap();
    assert_eq!(console, "first boot\n");
    assert!(yard.folder().join("disk.config").exists());
}

#[test]
fn orders_that_come_twice_or_late_change_nothing() {
    let yard = Yard::new();
    let life = yard.with_guest();
    yard.order(&life, stop(4));
    is_off(&answer(&life, 4));
    for late in [stop(4), start(3), start(4), reboot(2, RebootKind::Hard), stop(1)] {
        yard.order(&life, late);
    }
    yard.order(&life, start(5));
    is_on(&answer(&life, 5), StepName::PowerOn);
    yard.order(&life, stop(4));
    yard.order(&life, start(5));
    // What is so already is done at once.
    yard.order(&life, start(6));
    is_on(&answer(&life, 6), StepName::PowerOn);
    life.reports(Some((6, GuestPhase::Running)));
    assert_eq!(answers(&life), 3, "{:?}", life.heard());
    // A destroy of an earlier time, and then the real one.
    let destroy = |generation| Command::DestroyGuest { server: SERVER, generation };
    yard.order(&life, destroy(Generation(5)));
    yard.order(&life, stop(7));
    is_off(&answer(&life, 7));
    yard.order(&life, destroy(Generation(8)));
    life.hears("the guest is gone", |event| matches!(event, Event::GuestGone { .. }));
    life.reports(None);
    for late in [stop(7), start(9)] {
        yard.order(&life, late);
    }
    assert!(!yard.folder().exists());
}

#[test]
fn a_stopped_guest_stays_so_and_a_running_one_too_when_the_agent_begins_anew() {
    let yard = Yard::new();
    let life = yard.with_guest();
    yard.order(&life, stop(2));
    is_off(&answer(&life, 2));
    drop(life);
    let life = yard.wake();
    // It says so again: the answer may have been lost.
    is_off(&answer(&life, 2));
    life.reports(Some((2, GuestPhase::Stopped)));
    assert!(!yard.has_process());
    yard.order(&life, start(3));
    is_on(&answer(&life, 3), StepName::PowerOn);
    drop(life);
    let life = yard.wake();
    is_on(&answer(&life, 3), StepName::PowerOn);
    life.reports(Some((3, GuestPhase::Running)));
    assert!(yard.has_process());
}

/// The agent dies when an order has been written down and nothing has been done yet.
#[test]
fn an_order_in_the_journal_is_carried_out_by_the_next_agent() {
    let yard = Yard::new();
    let life = yard.with_guest();
    life.hypervisor.fail(Step::Stop, u32::MAX, "stuck");
    yard.order(&life, stop(2));
    life.reports(Some((2, GuestPhase::Stopping)));
    assert_eq!(yard.entry()["phase"], "Stopping");
    assert!(yard.has_process());
    drop(life);
    let life = yard.wake();
    is_off(&answer(&life, 2));
    assert!(!yard.has_process());
    drop(life);

    // The same with a start, and with a start that had begun: its process is there.
    for begun in [false, true] {
        let mut entry = yard.entry();
        let generation = entry["spec"]["generation"].as_i64().unwrap() + 1;
        entry["spec"]["generation"] = generation.into();
        entry["phase"] = "Starting".into();
        entry["order"] = "Start".into();
        entry["news"] = serde_json::Value::Null;
        std::fs::write(yard.folder().join("guest.json"), entry.to_string()).unwrap();
        assert_eq!(yard.has_process(), begun);
        let life = yard.wake();
        is_on(&answer(&life, generation), StepName::PowerOn);
        assert!(yard.has_process());
        life.reports(Some((generation, GuestPhase::Running)));
    }
}

#[test]
fn a_lost_base_is_named_and_the_guest_starts_once_it_is_there_again() {
    let yard = Yard::new();
    let life = yard.with_guest();
    life.lost.store(true, Ordering::SeqCst);
    yard.order(&life, reboot(2, RebootKind::Hard));
    let event = answer(&life, 2);
    let Event::GuestNotPoweredOn { lost_base, message, steps, .. } = &event else {
        panic!("{event:?}")
    };
    assert_eq!(*lost_base, Some(IMAGE));
    assert!(message.contains("the base under its disk"), "{message}");
    assert_eq!((steps[0].step, steps[0].ok), (StepName::Reboot, false));
    life.reports(Some((2, GuestPhase::BaseLost)));
    assert!(yard.folder().join("disk").exists());
    drop(life);
    // The next agent says the same, and leaves the guest alone.
    let life = yard.wake();
    assert_eq!(answer(&life, 2), event);
    life.reports(Some((2, GuestPhase::BaseLost)));
    yard.order(&life, start(3));
    is_on(&answer(&life, 3), StepName::PowerOn);
}

#[test]
fn a_start_that_fails_leaves_the_guest_there() {
    let yard = Yard::new();
    let life = yard.with_guest();
    yard.order(&life, stop(2));
    is_off(&answer(&life, 2));
    for (generation, step) in [(3, Step::Start), (4, Step::StartLate)] {
        life.hypervisor.fail(step, 1, "no luck");
        yard.order(&life, start(generation));
        let event = answer(&life, generation);
        let Event::GuestNotPoweredOn { lost_base, details, .. } = &event else {
            panic!("{event:?}")
        };
        assert_eq!(*lost_base, None);
        assert!(details.contains("no luck"), "{details}");
        life.reports(Some((generation, GuestPhase::Stopped)));
    }
    yard.order(&life, start(5));
    is_on(&answer(&life, 5), StepName::PowerOn);
    std::fs::rename(yard.folder().join("disk"), yard.folder().join("away")).unwrap();
    yard.order(&life, reboot(6, RebootKind::Hard));
    let Event::GuestNotPoweredOn { lost_base: None, details, .. } = answer(&life, 6) else {
        panic!()
    };
    assert!(details.contains("its disk is not there any more"), "{details}");
}

/// A stop that takes its time does not keep a later order waiting.
#[test]
fn a_later_order_overtakes() {
    let yard = Yard::new();
    let life = yard.with_guest();
    life.hypervisor.fail(Step::Stop, u32::MAX, "stuck");
    yard.order(&life, reboot(2, RebootKind::Soft));
    life.reports(Some((2, GuestPhase::Starting)));
    yard.order(&life, reboot(3, RebootKind::Hard));
    life.reports(Some((3, GuestPhase::Starting)));
    life.hypervisor.fail(Step::Stop, 0, "");
    is_on(&answer(&life, 3), StepName::Reboot);
    assert_eq!(answers(&life), 1, "{:?}", life.heard());

    life.hypervisor.fail(Step::Stop, u32::MAX, "stuck");
    yard.order(&life, stop(4));
    life.reports(Some((4, GuestPhase::Stopping)));
    let destroy = Command::DestroyGuest { server: SERVER, generation: Generation(5) };
    yard.order(&life, destroy);
    life.reports(Some((5, GuestPhase::Destroying)));
    life.hypervisor.fail(Step::Stop, 0, "");
    life.reports(None);
    assert_eq!(answers(&life), 1, "{:?}", life.heard());
    assert!(!yard.folder().exists());
}

#[test]
fn an_end_by_itself_is_told_with_the_order_that_it_follows() {
    let yard = Yard::new();
    let life = yard.with_guest();
    yard.order(&life, reboot(2, RebootKind::Hard));
    is_on(&answer(&life, 2), StepName::Reboot);
    life.runtime.block_on(async {
        assert!(life.hypervisor.end(&yard.folder(), "the guest powered off").unwrap());
    });
    let event = life.hears("the guest's end", |event| matches!(event, Event::GuestStopped { .. }));
    let Event::GuestStopped { generation, reason, .. } = event else { panic!() };
    assert_eq!((generation.0, reason.as_str()), (2, "the guest powered off"));
    yard.order(&life, start(3));
    is_on(&answer(&life, 3), StepName::PowerOn);
}

#[test]
fn a_base_is_made_ahead_as_often_as_asked_and_what_cannot_be_made_is_said() {
    let yard = Yard::new();
    let life = yard.wake();
    let told = |life: &Life, which: &str, wanted: fn(&HostBaseState) -> bool| {
        life.hears(which, |event| match event {
            Event::BasesChanged { bases, .. } => bases.iter().any(|base| wanted(&base.state)),
            _ => false,
        })
    };
    // The pool has nothing of it yet.
    yard.order(&life, Command::SeedBase { image: IMAGE });
    let event = told(&life, "a failure", |state| matches!(state, HostBaseState::Failed(_)));
    let Event::BasesChanged { bases, .. } = event else { panic!("{event:?}") };
    assert!(format!("{:?}", bases[0].state).contains("has no base of image"), "{bases:?}");

    let name = hatchery_model::base::BaseName::of(IMAGE);
    let cached = yard
        .folder()
        .parent()
        .unwrap()
        .with_file_name("pool")
        .join("imagecache")
        .join(name.as_str());
    std::fs::write(&cached, b"an image").unwrap();
    for _ in 0..2 {
        yard.order(&life, Command::SeedBase { image: IMAGE });
        told(&life, "that it is there", |state| *state == HostBaseState::Cached);
    }
    let base = yard.folder().parent().unwrap().join("_base").join(name.as_str());
    let inode = |path| std::fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&base), inode(&cached));
}
