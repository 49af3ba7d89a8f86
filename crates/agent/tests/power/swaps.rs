//! Volumes that take another one's place in a guest, by agents that die in between.

use crate::volumes::{attach, detach, disks, id, made, outcome, plugged};
use crate::yard::{SERVER, Yard};
use crate::{answer, is_off, is_on, start, stop};
use hatchery_model::compute::GuestPhase;
use hatchery_model::generation::Generation;
use hatchery_model::id::AttachmentId;
use hatchery_model::message::{AttachOutcome, Command, StepName};
use hatchery_model::volume::GuestVolume;
use hatchery_virt::sim::Step;
use serde_json::{Value, json};

fn swap(generation: i64, old: u128, new: &GuestVolume) -> Command {
    let (server, generation, old) = (SERVER, Generation(generation), AttachmentId(id(old).0));
    Command::SwapVolume { server, generation, old, new: Box::new(new.clone()) }
}

#[test]
fn a_volume_takes_another_s_place_at_once_and_at_every_start() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let (one, two) = (made(&life, 1), made(&life, 2));
    yard.order(&life, attach(2, &one));
    assert_eq!(outcome(&life, 2), AttachOutcome::Attached);
    for _ in 0..2 {
        yard.order(&life, swap(3, 1, &two));
        assert_eq!(outcome(&life, 3), AttachOutcome::Attached);
    }
    // Sent again, with a later generation, by who has not heard the answer.
    yard.order(&life, swap(4, 1, &two));
    assert_eq!(outcome(&life, 4), AttachOutcome::Attached);
    assert_eq!(plugged(&yard), [id(2).to_string()]);
    life.reports(Some((4, GuestPhase::Running)));
    drop(life);
    let life = yard.wake();
    yard.order(&life, stop(5));
    is_off(&answer(&life, 5));
    yard.order(&life, start(6));
    is_on(&answer(&life, 6), StepName::PowerOn);
    assert_eq!(disks(&yard)[1]["volume"], id(2).to_string());
    yard.order(&life, detach(7, 2));
    assert_eq!(outcome(&life, 7), AttachOutcome::Detached);
    assert!(plugged(&yard).is_empty());
}

#[test]
fn a_swap_that_fails_leaves_the_old_volume() {
    let yard = Yard::new();
    let life = yard.with_guest();
    let (one, two) = (made(&life, 1), made(&life, 2));
    yard.order(&life, attach(2, &one));
    assert_eq!(outcome(&life, 2), AttachOutcome::Attached);
    life.hypervisor.fail(Step::Mirror, 1, "no room");
    yard.order(&life, swap(3, 1, &two));
    let AttachOutcome::NotAttached { message, .. } = outcome(&life, 3) else { panic!() };
    assert!(message.contains("could not be swapped: no room"), "{message}");
    life.hypervisor.fail(Step::Pivot, 1, "it does not go over");
    yard.order(&life, swap(4, 1, &two));
    assert!(matches!(outcome(&life, 4), AttachOutcome::NotAttached { .. }));
    assert_eq!(plugged(&yard), [id(1).to_string()]);
    // A guest that does not run copies nothing; nor is there anything to copy from a volume that it does not have.
    yard.order(&life, stop(5));
    is_off(&answer(&life, 5));
    yard.order(&life, swap(6, 1, &two));
    let AttachOutcome::NotAttached { message, .. } = outcome(&life, 6) else { panic!() };
    assert!(message.contains("does not run"), "{message}");
    yard.order(&life, start(7));
    is_on(&answer(&life, 7), StepName::PowerOn);
    yard.order(&life, swap(8, 3, &two));
    assert!(matches!(outcome(&life, 8), AttachOutcome::NotAttached { .. }));
    assert_eq!(plugged(&yard), [id(1).to_string()]);
}

/// The agent dies over a swap: before both volumes held the same, and after that was written down; and the guest dies with it, or does not.
#[test]
fn a_swap_is_ended_by_the_next_agent() {
    for (is_copied, runs) in [(false, true), (true, true), (true, false), (false, false)] {
        let yard = Yard::new();
        let life = yard.with_guest();
        let (one, two) = (made(&life, 1), made(&life, 2));
        yard.order(&life, attach(2, &one));
        assert_eq!(outcome(&life, 2), AttachOutcome::Attached);
        if !runs {
            yard.order(&life, stop(3));
            is_off(&answer(&life, 3));
        }
        drop(life);
        let path = yard.folder().join("volumes.json");
        let mut plugs: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        plugs["generation"] = 4.into();
        plugs["answers"] = json!([]);
        plugs["pending"] = json!([{
            "generation": 4, "request": "req-4",
            "change": {"Swap": {"old": one.attachment, "new": two, "is_copied": is_copied}},
        }]);
        std::fs::write(&path, plugs.to_string()).unwrap();
        let life = yard.wake();
        let is_swapped = matches!(outcome(&life, 4), AttachOutcome::Attached);
        assert_eq!(is_swapped, is_copied || runs, "{is_copied} {runs}");
        let wanted = if is_swapped { 2 } else { 1 };
        if !runs {
            yard.order(&life, start(5));
            is_on(&answer(&life, 5), StepName::PowerOn);
        }
        assert_eq!(plugged(&yard), [id(wanted).to_string()]);
    }
}
