//! The workflow of a delete: have the guest taken apart, then let go of all that the server had.

use super::claim;
use super::guest_spec::ports_of;
use super::order;
use super::outgoing::{Order, Outgoing};
use super::server_disks;
use super::setback::find_kind;
use super::step::{Step, TRIES, illegal};
use super::timeline;
use crate::compute::ComputeSettings;
use crate::error::Error;
use crate::network::release_port;
use crate::scheduler::is_up;
use crate::volume::send::Writing;
use async_trait::async_trait;
use hatchery_model::compute::{Action, ActionKind, EventResult, Server, ServerState};
use hatchery_model::id::{HostName, ServerId};
use hatchery_model::message::StepTiming;
use hatchery_model::network::{Port, PortStatus};
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

/// Longest wait between two orders for the same guest.
const MAX_RECHECK_SECONDS: i64 = 600;

/// Runs the steps of `Work::DeleteServer`.
pub struct TearDownServer {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// What the operator has set.
    pub settings: Arc<ComputeSettings>,
    /// To the outbox relay.
    pub outgoing: Outgoing,
}

#[async_trait]
impl Step for TearDownServer {
    async fn run(&self, task: &Task) -> Result<(), Error> {
        let Work::DeleteServer(server) = task.work else {
            return Ok(());
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(task, server).await {
                Err(Error::Conflict(_)) if tries < TRIES => {}
                ended => return ended,
            }
        }
    }
}

impl TearDownServer {
    async fn attempt(&self, task: &Task, id: ServerId) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let Some(task) = uow.tasks().find(task.id).await? else {
            return Ok(());
        };
        let orders = match uow.servers().find(id).await? {
            Some(server) if matches!(server.state, ServerState::Deleting { .. }) => {
                self.take_apart(&mut *uow, task, server).await?
            }
            Some(_) | None => {
                uow.tasks().delete_by_work(&task.work).await?;
                Vec::new()
            }
        };
        uow.commit().await?;
        self.outgoing.hand_over(orders);
        Ok(())
    }

    async fn take_apart(
        &self,
        uow: &mut dyn UnitOfWork,
        mut task: Task,
        server: Server,
    ) -> Result<Vec<Order>, Error> {
        let now = self.clock.now();
        let request = task.request.clone();
        let writing = Writing { entropy: &*self.entropy, now, request: &request };
        let Some(name) = server.host.clone() else {
            let (action, ports) = belongings(uow, &server).await?;
            return finish(uow, writing, server, action, ports, &[]).await;
        };
        let guest = (server.id, server.generation);
        let order =
            order::destroy(uow, &*self.entropy, now, &name, task.request.clone(), guest).await?;
        let host = uow.hosts().find(&name).await?;
        let heard = host.is_some_and(|host| is_up(&host, &self.settings.scheduler, now));
        if !heard {
            // As Nova does for a host that is down: the user is not kept waiting, and the order is the first thing that the host hears when
            // it comes back.
            tracing::warn!(server.id = %server.id, host.id = %name, "deleted without its host, which is silent");
            // Its disk stands there, so the lease of its base does.
            claim::leave(uow, server.id, server.generation, now).await?;
            let (action, ports) = belongings(uow, &server).await?;
            let mut orders = finish(uow, writing, server, action, ports, &[]).await?;
            orders.insert(0, order);
            return Ok(orders);
        }
        let pause = self
            .settings
            .recheck_seconds
            .saturating_mul(1 << task.attempts.min(8))
            .min(MAX_RECHECK_SECONDS);
        task.attempts += 1;
        task.due_at = now.plus_seconds(pause);
        uow.tasks().update(&task).await?;
        Ok(vec![order])
    }
}

/// The action of a server's delete, and its ports.
async fn belongings(
    uow: &mut dyn UnitOfWork,
    server: &Server,
) -> Result<(Option<Action>, Vec<Port>), Error> {
    let action = find_kind(uow, server, ActionKind::Delete).await?;
    Ok((action, ports_of(uow, server).await?))
}

/// Lets go of all that a server in deletion had: its ports, which are given, volumes, claim, task. Its row stays, as deleted, and `action` tells of
/// it. The orders that can leave now.
pub(crate) async fn finish(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    mut server: Server,
    action: Option<Action>,
    ports: Vec<Port>,
    steps: &[StepTiming],
) -> Result<Vec<Order>, Error> {
    let now = writing.now;
    release_ports(uow, &server, ports, now).await?;
    claim::give_back(uow, server.id).await?;
    if let Some(mut action) = action {
        let host = server.host.clone();
        match (&host, steps.is_empty()) {
            (Some(host), false) => timeline::timed(&mut action, host, steps, now),
            (Some(_) | None, _) => local_event(&mut action, host, now),
        }
        uow.actions().update(&action).await?;
    }
    server.state = server.state.deleted(now).map_err(illegal)?;
    server.updated_at = now;
    uow.servers().update(&server).await?;
    let work = Work::DeleteServer(server.id);
    uow.tasks().delete_by_work(&work).await?;
    server_disks::let_go(uow, writing, server.id).await
}

fn local_event(action: &mut Action, host: Option<HostName>, now: Timestamp) {
    let details = "Its rows were let go; no guest had to be taken apart, or its host will do so when it is heard.";
    let result = EventResult::Success;
    timeline::noted(action, "conductor_delete", result, host, details.into(), now);
}

/// Ports made for the server go with it; the others are unplugged.
async fn release_ports(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    ports: Vec<Port>,
    now: Timestamp,
) -> Result<(), Error> {
    for mut port in ports {
        let owned = server.nics.iter().any(|nic| nic.port == port.id && nic.owned);
        if owned {
            release_port(uow, port.id).await?;
        } else {
            port.device_id = String::new();
            port.device_owner = String::new();
            port.host = None;
            port.status = PortStatus::Down;
            port.updated_at = now;
            uow.ports().update(&port).await?;
        }
    }
    Ok(())
}
