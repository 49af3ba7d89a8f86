//! The timeline of a server: what is written into its actions, and by which names. Pure.

use hatchery_model::compute::{Action, ActionEvent, ActionKind, EventResult, Server};
use hatchery_model::id::{HostName, RequestId, UserId};
use hatchery_model::message::StepTiming;
use hatchery_model::timestamp::Timestamp;

/// The request, from its arrival to its commit.
const API: &str = "api_create";
/// The choice of a host, from the commit on.
const SCHEDULE: &str = "conductor_schedule";

/// The action of a create as it is written down with the server: the request is done, a host is looked for. Made from the server's first row
/// alone, so that whoever has that row needs not read the action.
pub(crate) fn of_create(server: &Server, request: &RequestId) -> Action {
    let api = ActionEvent {
        name: API.into(),
        started_at: server.created_at,
        finished_at: Some(server.updated_at),
        result: Some(EventResult::Success),
        host: None,
        details: Some("The request was checked and written down.".into()),
    };
    let schedule = ActionEvent {
        name: SCHEDULE.into(),
        started_at: server.updated_at,
        finished_at: None,
        result: None,
        host: None,
        details: None,
    };
    Action {
        server: server.id,
        request: request.clone(),
        kind: ActionKind::Create,
        user: server.user.clone(),
        project: server.project.clone(),
        started_at: server.created_at,
        updated_at: server.updated_at,
        message: None,
        events: vec![api, schedule],
    }
}

/// An action without steps yet.
pub(crate) fn begun(
    kind: ActionKind,
    server: &Server,
    request: RequestId,
    user: UserId,
    now: Timestamp,
) -> Action {
    Action {
        server: server.id,
        request,
        kind,
        user,
        project: server.project.clone(),
        started_at: now,
        updated_at: now,
        message: None,
        events: Vec::new(),
    }
}

/// A host is looked for again.
pub(crate) fn rescheduling(action: &mut Action, now: Timestamp) {
    if open_schedule(action).is_none() {
        action.events.push(ActionEvent {
            name: SCHEDULE.into(),
            started_at: now,
            finished_at: None,
            result: None,
            host: None,
            details: None,
        });
    }
    action.updated_at = now;
}

/// The search for a host has ended.
pub(crate) fn scheduled(
    action: &mut Action,
    result: EventResult,
    host: Option<HostName>,
    details: String,
    now: Timestamp,
) {
    if let Some(event) = open_schedule(action) {
        event.finished_at = Some(now);
        event.result = Some(result);
        event.host = host;
        event.details = Some(details);
    }
    action.updated_at = now;
}

fn open_schedule(action: &mut Action) -> Option<&mut ActionEvent> {
    action.events.iter_mut().find(|event| event.name == SCHEDULE && event.finished_at.is_none())
}

/// Steps that a host has timed. Those that are there already are not written twice.
pub(crate) fn timed(action: &mut Action, host: &HostName, steps: &[StepTiming], now: Timestamp) {
    for step in steps {
        let event = ActionEvent {
            name: step.step.event_name().into(),
            started_at: step.started_at,
            finished_at: Some(step.finished_at),
            result: Some(if step.ok { EventResult::Success } else { EventResult::Error }),
            host: Some(host.clone()),
            details: (!step.details.is_empty()).then(|| step.details.clone()),
        };
        if !action.events.contains(&event) {
            action.events.push(event);
        }
    }
    action.updated_at = now;
}

/// A step that no host has timed.
pub(crate) fn noted(
    action: &mut Action,
    name: &str,
    result: EventResult,
    host: Option<HostName>,
    details: String,
    now: Timestamp,
) {
    action.events.push(ActionEvent {
        name: name.into(),
        started_at: now,
        finished_at: Some(now),
        result: Some(result),
        host,
        details: Some(details),
    });
    action.updated_at = now;
}

/// Hosts on which a step of the action has failed: not to be tried again.
pub(crate) fn failed_hosts(action: &Action) -> Vec<HostName> {
    let mut hosts: Vec<HostName> = action
        .events
        .iter()
        .filter(|event| event.result == Some(EventResult::Error))
        .filter_map(|event| event.host.clone())
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}
