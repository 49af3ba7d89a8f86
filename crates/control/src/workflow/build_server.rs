//! The workflow of a create that its request could not place: find a host and claim it, order the guest. A host that falls silent while it builds
//! is left for another.
//!
//! Each step is one transaction on the server's row, so that a step that another has done meanwhile changes nothing. Once the order is out,
//! nothing is promised any more but what the row says (`Spawning`, on this host): the news themselves (`GuestStarted`, `GuestFailed`) are
//! `intake`'s, and silence is found by looking.

use super::claim;
use super::guest_spec::{Plugged, network_specs};
use super::order;
use super::outgoing::{Order, Outgoing};
use super::placement;
use super::server_disks;
use super::setback::{self, Setback};
use super::step::{Step, TRIES};
use super::timeline;
use crate::compute::ComputeSettings;
use crate::error::Error;
use crate::scheduler::is_up;
use crate::volume::send::Writing;
use async_trait::async_trait;
use hatchery_model::compute::{
    Action, BuildStep, EventResult, Fault, NotPlaced, Server, ServerState,
};
use hatchery_model::id::{RequestId, ServerId};
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{BuildRows, Store, UnitOfWork};
use std::sync::Arc;

/// What a user is told when no host takes the server, in Nova's words.
const NO_VALID_HOST: &str = "No valid host was found. There are not enough hosts available.";
/// Servers on silent hosts that are read at once.
const BATCH: u32 = 64;

/// Runs the steps of `Work::BuildServer`.
pub struct BuildServer {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids and seeds.
    pub entropy: Arc<dyn Entropy>,
    /// What the operator has set.
    pub settings: Arc<ComputeSettings>,
    /// To the outbox relay.
    pub outgoing: Outgoing,
}

#[async_trait]
impl Step for BuildServer {
    async fn run(&self, task: &Task) -> Result<(), Error> {
        let Work::BuildServer(server) = task.work else {
            return Ok(());
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(task, server).await {
                Err(Error::Conflict(_)) if tries < TRIES => {}
                Err(
                    error @ (Error::NotFound { .. }
                    | Error::Invalid(_)
                    | Error::Denied(_)
                    | Error::Exhausted(_)
                    | Error::Unsupported(_)),
                ) => return self.give_up(task, server, &error).await,
                ended => return ended,
            }
        }
    }

    async fn sweep(&self) -> Result<usize, Error> {
        let before = self.clock.now().plus_seconds(-self.settings.scheduler.service_down_seconds);
        let building = ServerState::Building(BuildStep::Spawning).name();
        let mut uow = self.store.read().await?;
        let unheard = uow.servers().list_unheard(building, before, BATCH).await?;
        drop(uow);
        for server in &unheard {
            self.leave_silent_host(server.id).await?;
        }
        Ok(unheard.len())
    }
}

impl BuildServer {
    async fn attempt(&self, task: &Task, id: ServerId) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let mut rows = uow.bundles().find_build(id, &task.request).await?;
        let orders = match rows.server.take() {
            Some(server) if server.state == ServerState::Building(BuildStep::Scheduling) => {
                self.place(&mut *uow, &task.request, server, rows).await?
            }
            // Placed, failed, deleted or forgotten: nothing is left to be done.
            Some(_) | None => Vec::new(),
        };
        uow.tasks().delete_by_work(&task.work).await?;
        uow.commit().await?;
        self.outgoing.hand_over(orders);
        Ok(())
    }

    /// A host, its claim, and the order; or the reason why there is none.
    async fn place(
        &self,
        uow: &mut dyn UnitOfWork,
        request: &RequestId,
        mut server: Server,
        rows: BuildRows,
    ) -> Result<Vec<Order>, Error> {
        let now = self.clock.now();
        let writing = Writing { entropy: &*self.entropy, now, request };
        let BuildRows { action, image, ports, networks, mut hosts, facts, .. } = rows;
        let mut action = match action {
            Some(action) => action,
            None => setback::find_create(uow, &server, None)
                .await?
                .unwrap_or_else(|| timeline::of_create(&server, request)),
        };
        let bound = server_disks::of(uow, &server).await?;
        match (server.image, &image) {
            (Some(id), None) => return Err(Error::not_found("Image", id)),
            (None, _) if bound.is_empty() => return Err(Error::not_found("Image", "(none)")),
            (Some(_), Some(_)) | (None, _) => {}
        }
        let where_not = timeline::failed_hosts(&action);
        let limits = (where_not, server_disks::reachable_from(&hosts, &bound));
        let known = (&hosts[..], &facts);
        let image = image.as_ref();
        let choice = match placement::choose(known, &server, image, limits, &self.settings, now)? {
            Ok(choice) => choice,
            Err(refused) => {
                let fault = no_host_fault(&action, &refused, now);
                let details = fault.details.clone();
                timeline::scheduled(&mut action, EventResult::Error, None, details, now);
                return setback::fail(uow, writing, server, Some(action), fault).await;
            }
        };
        placement::take(uow, &mut hosts, &mut server, &choice).await?;
        server.updated_at = now;
        uow.servers().update(&server).await?;
        let (host, details) = (server.host.clone(), choice.details.clone());
        timeline::scheduled(&mut action, EventResult::Success, host, details, now);
        uow.actions().update(&action).await?;
        if !server_disks::are_ready(&bound) {
            // Whoever hears that the last of its volumes is there goes on.
            return Ok(Vec::new());
        }
        let networks = network_specs(uow, &*self.entropy, now, &networks).await?;
        let plugged = Plugged { ports: &ports, networks: &networks };
        let ordered = (&server, server.generation.next());
        let order = placement::order(uow, writing, ordered, (choice, bound), &plugged).await?;
        Ok(vec![order])
    }

    /// A host that has not been heard for long is left, with the order that nothing of the guest is to stay there.
    async fn leave_silent_host(&self, id: ServerId) -> Result<(), Error> {
        let now = self.clock.now();
        let mut uow = self.store.begin().await?;
        let server = uow.servers().find(id).await?;
        let spawning = ServerState::Building(BuildStep::Spawning);
        let Some(server) = server.filter(|server| server.state == spawning) else {
            return Ok(());
        };
        let Some(name) = server.host.clone() else {
            return Err(Error::not_found("Host of instance", server.id));
        };
        let host = uow.hosts().find(&name).await?;
        if host.is_some_and(|host| is_up(&host, &self.settings.scheduler, now)) {
            return Ok(());
        }
        let request = RequestId(format!("req-{}", random_uuid(&*self.entropy)));
        // The order to build may still be on its way, or the guest may run there unheard: this one comes after it.
        let guest = (server.id, server.generation.next());
        let order =
            order::destroy(&mut *uow, &*self.entropy, now, &name, request.clone(), guest).await?;
        let setback = Setback {
            host: name.clone(),
            steps: Vec::new(),
            message: format!("Host {name} has not been heard while it built the instance."),
            details: format!(
                "Its last report is older than {} s; the instance is tried on another host.",
                self.settings.scheduler.service_down_seconds
            ),
            cleared: false,
        };
        setback::leave_host(&mut *uow, &*self.entropy, server, &request, setback, now).await?;
        uow.commit().await?;
        self.outgoing.hand_over([order]);
        Ok(())
    }

    /// What can never work ends the server, in a transaction of its own: the one of the step is gone.
    async fn give_up(&self, task: &Task, id: ServerId, error: &Error) -> Result<(), Error> {
        let now = self.clock.now();
        let mut uow = self.store.begin().await?;
        let server = uow.servers().find(id).await?;
        // One that stands on a host is not this task's any more: the order is out.
        let waiting = ServerState::Building(BuildStep::Scheduling);
        let Some(server) = server.filter(|server| server.state == waiting) else {
            return Ok(());
        };
        let mut action = uow.actions().find(id, &task.request).await?;
        if let Some(action) = &mut action {
            timeline::scheduled(action, EventResult::Error, None, error.to_string(), now);
        }
        let fault = Fault {
            code: 500,
            message: error.to_string(),
            details: format!("The build was given up before a host was told: {error:?}"),
            at: now,
            lost_base: None,
        };
        claim::give_back(&mut *uow, id).await?;
        let writing = Writing { entropy: &*self.entropy, now, request: &task.request };
        let orders = setback::fail(&mut *uow, writing, server, action, fault).await?;
        uow.tasks().delete_by_work(&task.work).await?;
        uow.commit().await?;
        self.outgoing.hand_over(orders);
        Ok(())
    }
}

/// Nova's sentence when nothing was tried yet; otherwise what went wrong on the last host, which helps more than that none is left.
fn no_host_fault(action: &Action, refused: &NotPlaced, now: Timestamp) -> Fault {
    let mut details = format!("{} hosts were looked at.", refused.hosts);
    for (filter, count) in &refused.refused {
        details.push_str(&format!(" {filter} refused {count}."));
    }
    for event in &action.events {
        if let (Some(EventResult::Error), Some(host), Some(text)) =
            (event.result, &event.host, &event.details)
        {
            details.push_str(&format!(" {} on {host}: {text}", event.name));
        }
    }
    Fault {
        code: 500,
        message: action.message.clone().unwrap_or_else(|| NO_VALID_HOST.into()),
        details,
        at: now,
        lost_base: None,
    }
}
