//! A server's power, from the request to the host's answer: each step twice, late, doubled, lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::Error;
use hatchery_control::compute::{PowerVerbs, ResetTo};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{
    ActionKind, EventResult, Fault, GuestPhase, RebootKind, Rest, ServerState, WantedPower,
};
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::message::{Body, Command, Envelope, Event, HostBase, HostBaseState};
use hatchery_model::network::PortStatus;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::bus::Handler;
use hatchery_ports::store::{PortFilter, Store};
use lab::{Lab, caller};
use std::sync::atomic::Ordering;
use uuid::Uuid;

fn admin(request: &str) -> Caller {
    Caller { roles: vec!["admin".into()], ..caller(request) }
}

/// What is asked of a server.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Verb {
    Stop,
    Start,
    Soft,
    Hard,
}

const VERBS: [Verb; 4] = [Verb::Stop, Verb::Start, Verb::Soft, Verb::Hard];

impl Verb {
    async fn ask(self, lab: &Lab, id: ServerId) -> Result<(), Error> {
        let (verbs, request) = (lab.power_verbs(), format!("req-{self:?}"));
        let caller = caller(&request);
        match self {
            Self::Stop => verbs.stop(&caller, id).await,
            Self::Start => verbs.start(&caller, id).await,
            Self::Soft => verbs.reboot(&caller, id, RebootKind::Soft).await,
            Self::Hard => verbs.reboot(&caller, id, RebootKind::Hard).await,
        }
    }

    /// Whether the server is stopped when it is asked.
    fn wants_stopped(self) -> bool {
        self == Self::Start
    }

    fn state(self) -> ServerState {
        match self {
            Self::Stop => ServerState::Stopping { was: Rest::Active },
            Self::Start => ServerState::Starting { was: Rest::Stopped },
            Self::Soft => ServerState::Rebooting { kind: RebootKind::Soft, was: Rest::Active },
            Self::Hard => ServerState::Rebooting { kind: RebootKind::Hard, was: Rest::Active },
        }
    }

    fn end(self) -> ServerState {
        if self == Self::Stop { ServerState::Stopped } else { ServerState::Active }
    }

    fn kind(self) -> (ActionKind, &'static str) {
        match self {
            Self::Stop => (ActionKind::Stop, "compute_stop_instance"),
            Self::Start => (ActionKind::Start, "compute_start_instance"),
            Self::Soft | Self::Hard => (ActionKind::Reboot, "compute_reboot_instance"),
        }
    }
}

/// A server that runs, or was stopped before the verb is asked.
async fn ready(verb: Verb) -> (Lab, ServerId) {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    lab.settle().await;
    if verb.wants_stopped() {
        lab.power_verbs().stop(&caller("req-before"), id).await.unwrap();
        lab.settle().await;
        assert_eq!(lab.server(id).await.state, ServerState::Stopped);
    }
    (lab, id)
}

async fn port_status(lab: &Lab, id: ServerId) -> PortStatus {
    let mut uow = lab.db.read().await.unwrap();
    let filter = PortFilter { device_id: Some(id.to_string()), ..PortFilter::default() };
    uow.ports().list(&filter).await.unwrap()[0].status
}

/// What was done on the host since the guest was made.
fn done(lab: &Lab) -> usize {
    let done = lab.hosts[0].done.lock().unwrap();
    done.iter().filter(|(name, _)| ["on", "off"].contains(name)).count()
}

fn refusal(result: Result<(), Error>) -> String {
    match result {
        Err(Error::Conflict(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_verb_is_ordered_answered_and_told() {
    for verb in VERBS {
        let (lab, id) = ready(verb).await;
        verb.ask(&lab, id).await.unwrap();
        let server = lab.server(id).await;
        assert_eq!(server.state, verb.state());
        assert_eq!(server.power_order, server.generation);
        let orders = lab.outbox().await;
        assert_eq!(orders.len(), 1, "{verb:?}");
        lab.settle().await;
        let server = lab.server(id).await;
        assert_eq!(server.state, verb.end());
        let (wanted, status) = match verb {
            Verb::Stop => (WantedPower::Stopped, PortStatus::Down),
            Verb::Start | Verb::Soft | Verb::Hard => (WantedPower::Running, PortStatus::Active),
        };
        assert_eq!(server.wanted_power, wanted);
        assert_eq!(port_status(&lab, id).await, status, "{verb:?}");
        let request = format!("req-{verb:?}");
        let actions = lab.actions(id).await;
        let action = actions.iter().find(|a| a.request.as_str() == request).unwrap();
        let (kind, event) = verb.kind();
        assert_eq!((action.kind, action.message.as_deref()), (kind, None));
        let told: Vec<_> = action.events.iter().map(|e| (e.name.as_str(), e.result)).collect();
        assert_eq!(told, [(event, Some(EventResult::Success))]);
    }
}

#[tokio::test]
async fn the_order_has_the_grace_that_the_image_or_the_operator_gives() {
    let grace = async |lab: &Lab| {
        let orders = lab.outbox().await;
        match &orders[0].body {
            Body::Command(
                Command::StopGuest { grace_seconds, .. }
                | Command::RebootGuest { grace_seconds, .. },
            ) => *grace_seconds,
            other => panic!("{other:?}"),
        }
    };
    for (verb, wanted) in [(Verb::Stop, 60), (Verb::Soft, 120), (Verb::Hard, 0)] {
        let (lab, id) = ready(verb).await;
        verb.ask(&lab, id).await.unwrap();
        assert_eq!(grace(&lab).await, wanted, "{verb:?}");
    }
    let (lab, id) = ready(Verb::Stop).await;
    let mut uow = lab.db.begin().await.unwrap();
    let mut image = uow.images().find(lab.image).await.unwrap().unwrap();
    image.properties.insert("os_shutdown_timeout".into(), "7".into());
    uow.images().update(&image).await.unwrap();
    uow.commit().await.unwrap();
    Verb::Stop.ask(&lab, id).await.unwrap();
    assert_eq!(grace(&lab).await, 7);
}

/// The order twice, the answer three times, and the answers of earlier orders once more at the end.
#[tokio::test]
async fn everything_twice_changes_nothing() {
    for verb in VERBS {
        let (lab, id) = ready(verb).await;
        let before = done(&lab);
        verb.ask(&lab, id).await.unwrap();
        for _ in 0..2 {
            lab.hand_over(&lab.outbox().await[0]).await;
        }
        lab.deliver().await;
        assert_eq!(done(&lab), before + 1, "{verb:?}");
        let news = lab.take_news();
        assert_eq!(news.len(), 1);
        lab.intake.handle(news[0].clone()).await.unwrap();
        let once = (lab.server(id).await, lab.actions(id).await);
        for _ in 0..2 {
            lab.intake.handle(news[0].clone()).await.unwrap();
        }
        assert_eq!((lab.server(id).await, lab.actions(id).await), once, "{verb:?}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_the_next_order_is_stale() {
    let (lab, id) = ready(Verb::Stop).await;
    let mut late: Vec<Envelope> = Vec::new();
    for verb in [Verb::Stop, Verb::Start, Verb::Stop, Verb::Start, Verb::Soft] {
        verb.ask(&lab, id).await.unwrap();
        lab.deliver().await;
        let news = lab.take_news();
        for one in late.iter().chain(&news).chain(&late) {
            lab.intake.handle(one.clone()).await.unwrap();
        }
        assert_eq!(lab.server(id).await.state, verb.end(), "{verb:?}");
        late.extend(news);
    }
    // A guest that ended by itself before it was started again.
    let stopped = Event::GuestStopped {
        host: lab.hosts[0].name.clone(),
        server: id,
        at: Timestamp(0),
        reason: "long ago".into(),
        generation: hatchery_model::generation::Generation(1),
    };
    let envelope = lab.hosts[0].envelope("req-x".into(), stopped);
    lab.intake.handle(envelope).await.unwrap();
    assert_eq!(lab.server(id).await.state, ServerState::Active);
}

#[tokio::test]
async fn a_report_tells_what_a_lost_answer_would_have_said() {
    for verb in VERBS {
        let (lab, id) = ready(verb).await;
        verb.ask(&lab, id).await.unwrap();
        // The order is on its way: the report knows only what was before.
        lab.pass(40, &["host-a"]).await;
        assert_eq!(lab.server(id).await.state, verb.state(), "{verb:?}");
        lab.deliver().await;
        let lost = lab.take_news();
        lab.report_all().await;
        assert_eq!(lab.server(id).await.state, verb.end(), "{verb:?}");
        // It was not lost after all.
        lab.intake.handle(lost[0].clone()).await.unwrap();
        assert_eq!(lab.server(id).await.state, verb.end(), "{verb:?}");
        let actions = lab.actions(id).await;
        let (kind, event) = verb.kind();
        let action = actions.iter().find(|a| a.kind == kind && !a.events.is_empty()).unwrap();
        assert_eq!(action.events.last().unwrap().name, event);
    }
}

/// A server in error for want of its base, found by the event or by a report alone.
async fn lost(by_report: bool) -> (Lab, ServerId) {
    let (lab, id) = ready(Verb::Start).await;
    *lab.hosts[0].starts_fail.lock().unwrap() = Some(("No base.".into(), Some(lab.image)));
    Verb::Start.ask(&lab, id).await.unwrap();
    lab.deliver().await;
    if by_report {
        lab.take_news();
        lab.pass(40, &["host-a"]).await;
    } else {
        lab.hear().await;
    }
    match lab.server(id).await.state {
        ServerState::Failed(Fault { lost_base, .. }) if lost_base == Some(lab.image) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.server(id).await.wanted_power, WantedPower::Running);
    (lab, id)
}

async fn healed(lab: &Lab, image: ImageId, state: HostBaseState) {
    let host = &lab.hosts[0];
    let bases = vec![HostBase { image, state, since: Timestamp(0) }];
    let event = Event::BasesChanged { host: host.name.clone(), bases };
    lab.intake.handle(host.envelope("req-h".into(), event)).await.unwrap();
}

#[tokio::test]
async fn a_healed_base_brings_its_servers_back_once() {
    for by_report in [false, true] {
        let (lab, id) = lost(by_report).await;
        *lab.hosts[0].starts_fail.lock().unwrap() = None;
        for state in [HostBaseState::Cached, HostBaseState::Gone] {
            healed(&lab, lab.image, state).await;
        }
        healed(&lab, ImageId(Uuid::from_u128(99)), HostBaseState::Healed).await;
        assert!(matches!(lab.server(id).await.state, ServerState::Failed(_)));
        for _ in 0..2 {
            healed(&lab, lab.image, HostBaseState::Healed).await;
        }
        assert_eq!(lab.server(id).await.state, ServerState::Starting { was: Rest::Active });
        assert_eq!(lab.outbox().await.len(), 1);
        lab.settle().await;
        assert_eq!(lab.server(id).await.state, ServerState::Active);
        healed(&lab, lab.image, HostBaseState::Healed).await;
        assert_eq!(lab.server(id).await.state, ServerState::Active);
        let starts = lab.actions(id).await;
        assert_eq!(starts.iter().filter(|a| a.kind == ActionKind::Start).count(), 2);
    }
}

/// The failure of a start that was ordered before its base was healed, and is heard only after that.
#[tokio::test]
async fn a_failure_that_is_heard_after_the_heal_is_brought_back_once() {
    for by_report in [false, true] {
        let (lab, id) = ready(Verb::Start).await;
        *lab.hosts[0].starts_fail.lock().unwrap() = Some(("No base.".into(), Some(lab.image)));
        Verb::Start.ask(&lab, id).await.unwrap();
        lab.deliver().await;
        let late = lab.take_news();
        lab.clock.advance_micros(1);
        healed(&lab, lab.image, HostBaseState::Healed).await;
        assert_eq!(lab.server(id).await.state, Verb::Start.state());
        lab.clock.advance_micros(1);
        if by_report {
            lab.pass(40, &["host-a"]).await;
        } else {
            // Twice: the second time nothing has to be written down.
            for _ in 0..2 {
                lab.intake.handle(late[0].clone()).await.unwrap();
            }
        }
        let starts = async || {
            let actions = lab.actions(id).await;
            actions.iter().filter(|action| action.kind == ActionKind::Start).count()
        };
        assert_eq!(lab.server(id).await.state, ServerState::Starting { was: Rest::Active });
        assert_eq!((starts().await, lab.outbox().await.len()), (2, 1), "{by_report}");
        // It is still not there: this start was ordered after the heal, and is not tried again and again.
        lab.settle().await;
        assert!(matches!(lab.server(id).await.state, ServerState::Failed(_)), "{by_report}");
        assert_eq!(starts().await, 2);
        *lab.hosts[0].starts_fail.lock().unwrap() = None;
        healed(&lab, lab.image, HostBaseState::Healed).await;
        lab.settle().await;
        assert_eq!(lab.server(id).await.state, ServerState::Active);
    }
}

/// The process that put the base back is gone, and a failure from before its end is heard by the next.
#[tokio::test]
async fn a_failure_from_before_the_process_began_is_brought_back_once() {
    let (lab, id) = ready(Verb::Start).await;
    *lab.hosts[0].starts_fail.lock().unwrap() = Some(("No base.".into(), Some(lab.image)));
    Verb::Start.ask(&lab, id).await.unwrap();
    lab.deliver().await;
    let late = lab.take_news();
    *lab.hosts[0].starts_fail.lock().unwrap() = None;
    lab.clock.advance_micros(1);
    let lab = lab.restarted();
    lab.intake.handle(late[0].clone()).await.unwrap();
    assert_eq!(lab.server(id).await.state, ServerState::Starting { was: Rest::Active });
    lab.settle().await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
}

#[tokio::test]
async fn a_server_in_error_that_was_stopped_is_not_started() {
    let (lab, id) = lost(false).await;
    // In error, and wanted stopped: whoever made it so.
    let mut uow = lab.db.begin().await.unwrap();
    let mut server = uow.servers().find(id).await.unwrap().unwrap();
    server.wanted_power = WantedPower::Stopped;
    uow.servers().update(&server).await.unwrap();
    uow.commit().await.unwrap();
    healed(&lab, lab.image, HostBaseState::Healed).await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
    assert!(lab.outbox().await.is_empty());
    // It does not run, and the report says so.
    lab.pass(40, &["host-a"]).await;
    assert_eq!(lab.server(id).await.state, ServerState::Stopped);
}

#[tokio::test]
async fn a_crash_between_two_servers_of_a_heal_costs_nothing() {
    for after in [false, true] {
        let lab = Lab::new().await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(lab.create_one().await);
        }
        lab.settle().await;
        let verbs = lab.power_verbs();
        *lab.hosts[0].starts_fail.lock().unwrap() = Some(("No base.".into(), Some(lab.image)));
        for id in &ids {
            verbs.reboot(&caller(&format!("req-{id}")), *id, RebootKind::Hard).await.unwrap();
        }
        lab.settle().await;
        *lab.hosts[0].starts_fail.lock().unwrap() = None;
        lab.faults.after.store(after, Ordering::SeqCst);
        lab.faults.commits_until_fault.store(2, Ordering::SeqCst);
        let host = &lab.hosts[0];
        let state = HostBaseState::Healed;
        let bases = vec![HostBase { image: lab.image, state, since: Timestamp(0) }];
        let event = Event::BasesChanged { host: host.name.clone(), bases };
        let news = host.envelope("req-h".into(), event);
        assert!(lab.intake.handle(news.clone()).await.is_err());
        lab.intake.handle(news).await.unwrap();
        assert_eq!(lab.outbox().await.len(), 3, "after: {after}");
        lab.settle().await;
        for id in &ids {
            assert_eq!(lab.server(*id).await.state, ServerState::Active);
        }
    }
}

#[tokio::test]
async fn a_start_that_fails_leaves_it_stopped_and_a_reboot_leaves_it_in_error() {
    let (lab, id) = ready(Verb::Start).await;
    *lab.hosts[0].starts_fail.lock().unwrap() = Some(("No luck.".into(), None));
    Verb::Start.ask(&lab, id).await.unwrap();
    lab.settle().await;
    let server = lab.server(id).await;
    assert_eq!((&server.state, server.wanted_power), (&ServerState::Stopped, WantedPower::Stopped));
    let actions = lab.actions(id).await;
    let start = actions.iter().find(|a| a.kind == ActionKind::Start).unwrap();
    assert_eq!(start.message.as_deref(), Some("No luck."));
    assert_eq!(start.events[0].result, Some(EventResult::Error));
    Verb::Hard.ask(&lab, id).await.unwrap();
    lab.settle().await;
    let ServerState::Failed(fault) = lab.server(id).await.state else { panic!() };
    assert_eq!((fault.message.as_str(), fault.lost_base), ("No luck.", None));
    // The way out of an error.
    *lab.hosts[0].starts_fail.lock().unwrap() = None;
    lab.power_verbs().reboot(&caller("req-again"), id, RebootKind::Hard).await.unwrap();
    lab.settle().await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
}

/// Who may ask what in which state, in Nova's words.
#[tokio::test]
async fn what_does_not_fit_is_refused_in_nova_s_words() {
    let (lab, id) = ready(Verb::Stop).await;
    let tell = async |verb: Verb| refusal(verb.ask(&lab, id).await);
    let cannot =
        |verb: &str, state: &str| format!("Cannot '{verb}' instance {id} while it is in {state}");
    assert_eq!(tell(Verb::Start).await, cannot("start", "vm_state active"));
    Verb::Soft.ask(&lab, id).await.unwrap();
    assert_eq!(tell(Verb::Stop).await, cannot("stop", "task_state reboot_started"));
    assert_eq!(tell(Verb::Soft).await, cannot("reboot", "task_state reboot_started"));
    // A hard one may overtake it; the answer to the soft one is stale then.
    lab.deliver().await;
    let late = lab.take_news();
    Verb::Hard.ask(&lab, id).await.unwrap();
    lab.intake.handle(late[0].clone()).await.unwrap();
    assert_eq!(lab.server(id).await.state, Verb::Hard.state());
    assert_eq!(tell(Verb::Hard).await, cannot("reboot", "task_state reboot_started_hard"));
    lab.settle().await;
    Verb::Stop.ask(&lab, id).await.unwrap();
    assert_eq!(tell(Verb::Start).await, cannot("start", "vm_state active"));
    assert_eq!(tell(Verb::Stop).await, cannot("stop", "task_state powering-off"));
    lab.settle().await;
    assert_eq!(tell(Verb::Stop).await, cannot("stop", "vm_state stopped"));
    assert_eq!(tell(Verb::Soft).await, cannot("reboot", "vm_state stopped"));
    Verb::Start.ask(&lab, id).await.unwrap();
    assert_eq!(tell(Verb::Start).await, cannot("start", "task_state powering-on"));
    lab.settle().await;
    lab.delete(id).await.unwrap();
    assert_eq!(tell(Verb::Stop).await, cannot("stop", "task_state deleting"));
    let reset = lab.power_verbs().reset_state(&admin("r"), id, ResetTo::Active).await;
    assert_eq!(refusal(reset), cannot("resetState", "task_state deleting"));
    lab.settle().await;
    lab.assert_nothing_left().await;
}

#[tokio::test]
async fn a_server_that_never_ran_has_no_power() {
    let lab = Lab::new().await;
    let id = lab.create_one().await;
    let cannot = format!("Cannot 'stop' instance {id} while it is in vm_state building");
    assert_eq!(refusal(Verb::Stop.ask(&lab, id).await), cannot);
    let verbs: PowerVerbs = lab.power_verbs();
    verbs.reset_state(&admin("req-reset"), id, ResetTo::Error).await.unwrap();
    let invalid = format!("Instance {id} is in an invalid state for 'stop'");
    assert_eq!(refusal(Verb::Stop.ask(&lab, id).await), invalid);
    assert!(lab.power_verbs().reset_state(&caller("r"), id, ResetTo::Active).await.is_err());
}

#[tokio::test]
async fn a_reset_is_the_administrator_s_word_and_ends_what_was_being_done() {
    let (lab, id) = ready(Verb::Stop).await;
    let verbs = lab.power_verbs();
    Verb::Stop.ask(&lab, id).await.unwrap();
    verbs.reset_state(&admin("req-reset"), id, ResetTo::Error).await.unwrap();
    assert!(matches!(lab.server(id).await.state, ServerState::Failed(_)));
    // The answer of what was being done changes nothing more.
    lab.settle().await;
    assert!(matches!(lab.server(id).await.state, ServerState::Failed(_)));
    verbs.reset_state(&admin("req-reset-2"), id, ResetTo::Active).await.unwrap();
    assert_eq!(lab.server(id).await.state, ServerState::Active);
    Verb::Hard.ask(&lab, id).await.unwrap();
    lab.settle().await;
    assert_eq!(lab.server(id).await.state, ServerState::Active);
    assert_eq!(lab.hosts[0].known()[0].2, GuestPhase::Running);
    let kinds: Vec<_> = lab.actions(id).await.iter().map(|action| action.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == ActionKind::ResetState).count(), 2);
}

/// A delete at every point of every verb.
#[tokio::test]
async fn a_delete_wins_at_every_point() {
    for verb in VERBS {
        for point in 0..3 {
            let (lab, id) = ready(verb).await;
            verb.ask(&lab, id).await.unwrap();
            let mut news = Vec::new();
            if point > 0 {
                lab.deliver().await;
                news = lab.take_news();
            }
            lab.delete(id).await.unwrap();
            if point > 1 {
                lab.intake.handle(news[0].clone()).await.unwrap();
            }
            lab.settle().await;
            for one in &news {
                lab.intake.handle(one.clone()).await.unwrap();
            }
            let state = lab.server(id).await.state;
            assert!(matches!(state, ServerState::Deleted { .. }), "{verb:?} {point}: {state:?}");
            lab.assert_nothing_left().await;
        }
    }
}

/// The process dies at any commit, just before it or just after: what was asked is done in the end.
#[tokio::test]
async fn a_crash_at_any_commit_leaves_nothing_half_done() {
    for (verb, after) in VERBS.into_iter().flat_map(|verb| [(verb, false), (verb, true)]) {
        let mut happened = 0;
        for fault_at in 1.. {
            let (lab, id) = ready(verb).await;
            lab.faults.after.store(after, Ordering::SeqCst);
            lab.faults.commits_until_fault.store(fault_at, Ordering::SeqCst);
            // The client asks until it is answered; a conflict says that it was heard before.
            while let Err(error) = verb.ask(&lab, id).await {
                match error {
                    Error::Unavailable { .. } => {}
                    Error::Conflict(_) => break,
                    other => panic!("{other}"),
                }
            }
            for _ in 0..8 {
                lab.deliver().await;
                for news in lab.take_news() {
                    while lab.intake.handle(news.clone()).await.is_err() {}
                }
                lab.pass(5, &["host-a"]).await;
            }
            assert_eq!(lab.server(id).await.state, verb.end(), "{verb:?} {fault_at} {after}");
            if !lab.faults.happened.load(Ordering::SeqCst) {
                break;
            }
            happened += 1;
        }
        assert!(happened >= 2, "{verb:?}: only {happened} commits were hit");
    }
}
