//! The workflow of a create: find a host and claim it, order the guest, then wait for the news.
//!
//! Each step is one transaction in which the task's row takes part, so that a step that another has done meanwhile is a
//! conflict and not a second order. The news themselves (`GuestStarted`, `GuestFailed`) are `intake`'s.

use super::claim;
use super::guest_spec;
use super::order;
use super::setback::{self, Setback};
use super::step::{Step, TRIES, illegal};
use super::timeline;
use super::wake::Wake;
use crate::compute::{ComputeSettings, ZoneChoice};
use crate::error::Error;
use crate::scheduler::{PlaceRequest, is_up, place};
use async_trait::async_trait;
use hatchery_model::compute::{
    Action, BuildStep, Claim, EventResult, Fault, Host, NotPlaced, RootDisk, Server, ServerState,
};
use hatchery_model::generation::Generation;
use hatchery_model::id::{DiskId, HostName, ImageId, ServerId};
use hatchery_model::message::Command;
use hatchery_model::provision::plan;
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

/// What a user is told when no host takes the server, in Nova's words.
const NO_VALID_HOST: &str = "No valid host was found. There are not enough hosts available.";

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
    /// Wakes the outbox relay.
    pub outbox: Wake,
}

/// A host that was chosen, with all that follows from it.
struct Choice {
    host: Host,
    claim: Claim,
    root: RootDisk,
    considered: usize,
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
}

impl BuildServer {
    async fn attempt(&self, task: &Task, id: ServerId) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        // Not the task's row that was listed: a step may have been done since.
        let Some(task) = uow.tasks().find(task.id).await? else {
            return Ok(());
        };
        match uow.servers().find(id).await? {
            Some(server) if server.state == ServerState::Building(BuildStep::Scheduling) => {
                self.place(&mut *uow, task, server).await?;
            }
            Some(server) if server.state == ServerState::Building(BuildStep::Spawning) => {
                self.wait_or_leave(&mut *uow, task, server).await?;
            }
            // Built, failed, deleted or forgotten: nothing is left to be done.
            Some(_) | None => {
                uow.tasks().delete_by_work(&task.work).await?;
            }
        }
        uow.commit().await?;
        self.outbox.wake();
        Ok(())
    }

    /// First step: a host, its claim, and the order, or the reason why there is none.
    async fn place(
        &self,
        uow: &mut dyn UnitOfWork,
        task: Task,
        server: Server,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        // Before anything has happened to the server, its action follows from its row.
        let mut action = timeline::of_create(&server, &task.request);
        if server.generation != Generation::FIRST {
            let found = uow.actions().find(server.id, &task.request).await?;
            action = found.unwrap_or(action);
        }
        let image_id = server.image.ok_or_else(|| Error::not_found("Image", "(none)"))?;
        let unknown = || Error::not_found("Image", image_id);
        let image = uow.images().find(image_id).await?.ok_or_else(unknown)?;
        let sha512 = image.content().ok_or_else(unknown)?.sha512.clone();
        let hosts = uow.hosts().list().await?;
        let mut request = PlaceRequest::new(&server.flavor, &image).ok_or_else(unknown)?;
        let zone = ZoneChoice::parse(server.wanted_zone.as_deref().unwrap_or_default());
        (request.zone, request.host) = (zone.zone, zone.host);
        request.excluded = timeline::failed_hosts(&action);
        let disk = DiskId::root_of(server.id);
        match self.choose(hosts, &request, (disk, image_id, sha512), now) {
            Ok(choice) => self.dispatch(uow, task, server, action, choice, now).await,
            Err(refused) => {
                let fault = no_host_fault(&action, &refused, now);
                let details = fault.details.clone();
                timeline::scheduled(&mut action, EventResult::Error, None, details, now);
                setback::fail(uow, server, Some(action), fault, now).await
            }
        }
    }

    fn choose(
        &self,
        hosts: Vec<Host>,
        request: &PlaceRequest,
        (disk, image, sha512): (DiskId, ImageId, String),
        now: Timestamp,
    ) -> Result<Choice, NotPlaced> {
        let considered = hosts.len();
        let settings = &self.settings.scheduler;
        if request.excluded.len() >= settings.max_attempts as usize {
            let tried = ("RetryFilter".to_owned(), considered);
            return Err(NotPlaced { hosts: considered, refused: vec![tried] });
        }
        let name = place(&hosts, request, settings, now)?;
        let unplanned =
            || NotPlaced { hosts: considered, refused: vec![("ProvisionFilter".to_owned(), 1)] };
        let host = hosts.into_iter().find(|host| host.name == name).ok_or_else(unplanned)?;
        let plan =
            plan(&request.image, &host.target, None, request.disk).map_err(|_| unplanned())?;
        Ok(Choice {
            host,
            claim: request.claim,
            root: RootDisk { disk, image, image_sha512: sha512, size: request.disk, plan },
            considered,
        })
    }

    /// Claim, row, order, timeline and task change together.
    async fn dispatch(
        &self,
        uow: &mut dyn UnitOfWork,
        mut task: Task,
        mut server: Server,
        mut action: Action,
        choice: Choice,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Choice { mut host, claim, root, considered } = choice;
        claim::take(uow, &mut host, server.id, claim).await?;
        server.state = server.state.placed().map_err(illegal)?;
        server.host = Some(host.name.clone());
        server.availability_zone = Some(host.availability_zone.clone());
        server.plan = Some(root.plan.clone());
        server.updated_at = now;
        uow.servers().update(&server).await?;
        let details = format!(
            "{} of {considered} hosts was chosen; its disk: {}, {} of image data to copy.",
            host.name, root.plan.rung, root.plan.copies
        );
        let generation = server.generation.next();
        let spec = guest_spec::gather(uow, &*self.entropy, now, &server, generation, root).await?;
        let command = Command::BuildGuest(Box::new(spec));
        let request = task.request.clone();
        order::write_down(uow, &*self.entropy, now, &host.name, request, command).await?;
        timeline::scheduled(&mut action, EventResult::Success, Some(host.name), details, now);
        uow.actions().update(&action).await?;
        self.look_again(&mut task, now);
        uow.tasks().update(&task).await?;
        Ok(())
    }

    /// Second step: the order is out. A host that is heard is waited for; one that is silent is left for another.
    async fn wait_or_leave(
        &self,
        uow: &mut dyn UnitOfWork,
        mut task: Task,
        server: Server,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let Some(name) = server.host.clone() else {
            return Err(Error::not_found("Host of instance", server.id));
        };
        if self.hears(uow, &name, now).await? {
            self.look_again(&mut task, now);
            uow.tasks().update(&task).await?;
            return Ok(());
        }
        // The order may still be on its way, or the guest may run there unheard: this order comes after it.
        let guest = (server.id, server.generation.next());
        order::destroy(uow, &*self.entropy, now, &name, task.request.clone(), guest).await?;
        let setback = Setback {
            host: name.clone(),
            steps: Vec::new(),
            message: format!("Host {name} has not been heard while it built the instance."),
            details: format!(
                "Its last report is older than {} s; the instance is tried on another host.",
                self.settings.scheduler.service_down_seconds
            ),
        };
        setback::leave_host(uow, server, &task.request, setback, now).await
    }

    async fn hears(
        &self,
        uow: &mut dyn UnitOfWork,
        name: &HostName,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let host = uow.hosts().find(name).await?;
        Ok(host.is_some_and(|host| is_up(&host, &self.settings.scheduler, now)))
    }

    fn look_again(&self, task: &mut Task, now: Timestamp) {
        task.attempts += 1;
        task.due_at = now.plus_seconds(self.settings.recheck_seconds);
    }

    /// What can never work ends the server, in a transaction of its own: the one of the step is gone.
    async fn give_up(&self, task: &Task, id: ServerId, error: &Error) -> Result<(), Error> {
        let now = self.clock.now();
        let mut uow = self.store.begin().await?;
        let server = uow.servers().find(id).await?;
        let Some(server) = server.filter(|s| matches!(s.state, ServerState::Building(_))) else {
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
        };
        claim::give_back(&mut *uow, id).await?;
        setback::fail(&mut *uow, server, action, fault, now).await?;
        uow.commit().await?;
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
    }
}
