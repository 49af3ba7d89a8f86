//! A host's report: its row is brought up to date, and what lost events would have said is made good.

use super::Intake;
use super::guest_event::{Started, is_spawning, set_ports, started, stopped};
use super::power_event::{not_started, rest};
use super::repair::{Repair, compare};
use crate::error::Error;
use crate::volume::send::Writing;
use crate::workflow::guest_spec::ports_of;
use crate::workflow::server_disks;
use crate::workflow::setback::{self, Setback};
use crate::workflow::{illegal, order};
use hatchery_model::compute::{
    Claim, Fault, Host, HostReport, HostResources, Server, ServerState, WantedPower,
};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, RequestId, ServerId};
use hatchery_model::message::{Address, Body, Command, Envelope};
use hatchery_model::network::PortStatus;
use hatchery_model::provision::{Backing, TargetFacts};
use hatchery_model::units::Bytes;
use hatchery_model::volume::BackendReport;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::{HostRows, UnitOfWork};
use std::collections::HashMap;
use std::sync::PoisonError;

/// Figures that always move (memory in use, free space) are written down at most so often.
const FIGURES_SECONDS: u64 = 60;
/// That a host was heard is written down again after this part of the time after which it counts as silent.
const HEARD_PARTS: i64 = 10;
/// Outbox rows read at once.
const OUTBOX_BATCH: u32 = 256;

impl Intake {
    pub(super) async fn host_reported(&self, report: &HostReport) -> Result<(), Error> {
        let mut uow = self.store.read().await?;
        let HostRows { host, servers } = uow.bundles().find_host(&report.name).await?;
        drop(uow);
        self.keep_host(host, report).await?;
        let now = self.clock.now();
        let repairs = compare(report, &servers, now, self.settings.report_grace_seconds);
        let lasting = self.missing_for_long(&report.name, &repairs);
        for repair in repairs {
            match repair {
                Repair::Missing(id) if !lasting.contains(&id) => {}
                repair => self.put_right(&report.name, &repair).await?,
            }
        }
        Ok(())
    }

    /// Writes down what has changed of a host. A report in which nothing has costs one column, or nothing soon after another one: hosts report at
    /// each change of a guest.
    async fn keep_host(&self, host: Option<Host>, report: &HostReport) -> Result<(), Error> {
        let now = self.clock.now();
        let soon = self.settings.scheduler.service_down_seconds / HEARD_PARTS;
        match host {
            None => {
                let host = Host {
                    id: report.id,
                    name: report.name.clone(),
                    generation: Generation::FIRST,
                    resources: report.resources.clone(),
                    claimed: Claim::default(),
                    target: report.target.clone(),
                    backends: report.backends.clone(),
                    heard_at: now,
                    disabled: None,
                    availability_zone: self.settings.default_availability_zone.clone(),
                    created_at: now,
                };
                let mut uow = self.store.begin().await?;
                uow.hosts().insert(&host).await?;
                uow.commit().await?;
                tracing::info!(host.id = %report.name, "a new host was heard");
            }
            Some(mut host) if has_changed(&host, report) => {
                host.id = report.id;
                host.resources = report.resources.clone();
                host.target = report.target.clone();
                host.backends.clone_from(&report.backends);
                host.heard_at = now;
                let mut uow = self.store.begin().await?;
                uow.hosts().update(&host).await?;
                uow.commit().await?;
            }
            Some(host) if host.heard_at.plus_seconds(soon) <= now => {
                let mut uow = self.store.begin().await?;
                uow.hosts().update_heard_at(&report.name, now).await?;
                uow.commit().await?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Guests that the reports of a host have lacked for longer than the grace.
    fn missing_for_long(&self, host: &HostName, repairs: &[Repair]) -> Vec<ServerId> {
        let now = self.clock.now();
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut still: HashMap<_, _> = HashMap::new();
        let mut lasting = Vec::new();
        for repair in repairs {
            if let Repair::Missing(id) = repair {
                let key = (host.clone(), *id);
                let since = missing.get(&key).copied().unwrap_or(now);
                if since.plus_seconds(self.settings.report_grace_seconds) <= now {
                    lasting.push(*id);
                }
                still.insert(key, since);
            }
        }
        missing.retain(|(name, _), _| name != host);
        missing.extend(still);
        lasting
    }

    /// One repair, in a transaction of its own, on the row as it is now.
    async fn put_right(&self, host: &HostName, repair: &Repair) -> Result<(), Error> {
        let now = self.clock.now();
        let request = RequestId(format!("req-{}", random_uuid(&*self.entropy)));
        let mut uow = self.store.begin().await?;
        let (Repair::Started(id)
        | Repair::Stopped(id)
        | Repair::BaseLost(id)
        | Repair::Failed(id)
        | Repair::Stray(id, _)
        | Repair::Missing(id)) = repair;
        let server = uow.servers().find(*id).await?;
        if let Repair::Stray(id, generation) = repair {
            let owned = server.as_ref().is_some_and(|server| is_on(server, host));
            if owned {
                return Ok(());
            }
            let known = server.map_or(*generation, |server| server.generation);
            let guest = (*id, known.max(*generation));
            tracing::warn!(server.id = %id, host.id = %host, "a guest that no server there owns is taken apart");
            let order =
                order::destroy(&mut *uow, &*self.entropy, now, host, request, guest).await?;
            uow.commit().await?;
            self.outgoing.hand_over([order]);
            return Ok(());
        }
        let Some(server) = server.filter(|server| is_on(server, host)) else {
            return Ok(());
        };
        tracing::warn!(server.id = %id, host.id = %host, ?repair, "a report says what no event has said");
        match repair {
            Repair::Started(_) => self.repair_started(&mut *uow, server, request).await?,
            Repair::Stopped(_) => self.repair_stopped(&mut *uow, server, request).await?,
            Repair::BaseLost(_) => self.repair_base_lost(&mut *uow, server).await?,
            Repair::Failed(_) if is_spawning(&server) => {
                let message = "The host could not make the guest; its log says why.";
                self.repair_failed(&mut *uow, server, host, request, message, true).await?;
            }
            Repair::Missing(_) => self.repair_missing(&mut *uow, server, host, request).await?,
            Repair::Failed(_) | Repair::Stray(..) => return Ok(()),
        }
        uow.commit().await?;
        self.tasks.wake();
        if matches!(repair, Repair::BaseLost(_)) {
            self.revive.late(*id).await?;
        }
        Ok(())
    }

    async fn repair_started(
        &self,
        uow: &mut dyn UnitOfWork,
        mut server: Server,
        request: RequestId,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let ports = ports_of(uow, &server).await?;
        match server.state {
            ServerState::Stopped | ServerState::Starting { .. } | ServerState::Rebooting { .. } => {
                server.state = server.state.started().map_err(illegal)?;
                server.wanted_power = WantedPower::Running;
                return rest(uow, server, ports, PortStatus::Active, now).await;
            }
            ServerState::Building(_)
            | ServerState::Active
            | ServerState::Stopping { .. }
            | ServerState::Failed(_)
            | ServerState::Deleting { .. }
            | ServerState::Deleted { .. } => {}
        }
        let action = setback::find_create(uow, &server, None).await?;
        let news = Started { steps: &[], bytes_copied: None };
        let writing = Writing { entropy: &*self.entropy, now, request: &request };
        started(uow, writing, server, action, ports, news).await?;
        Ok(())
    }

    /// The guest does not run, whatever the row waits for.
    async fn repair_stopped(
        &self,
        uow: &mut dyn UnitOfWork,
        mut server: Server,
        request: RequestId,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let ports = ports_of(uow, &server).await?;
        let reason = "The host reports that the guest does not run.";
        match server.state {
            ServerState::Active => stopped(uow, server, ports, request, reason, now).await,
            ServerState::Stopping { .. }
            | ServerState::Starting { .. }
            | ServerState::Rebooting { .. } => {
                server.state = server.state.stopped().map_err(illegal)?;
                server.wanted_power = WantedPower::Stopped;
                rest(uow, server, ports, PortStatus::Down, now).await
            }
            ServerState::Building(_)
            | ServerState::Stopped
            | ServerState::Failed(_)
            | ServerState::Deleting { .. }
            | ServerState::Deleted { .. } => Ok(()),
        }
    }

    /// The guest should have started, and its base is not there.
    async fn repair_base_lost(
        &self,
        uow: &mut dyn UnitOfWork,
        mut server: Server,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        match server.state {
            ServerState::Starting { .. } | ServerState::Rebooting { .. } => {}
            ServerState::Building(_)
            | ServerState::Active
            | ServerState::Stopped
            | ServerState::Stopping { .. }
            | ServerState::Failed(_)
            | ServerState::Deleting { .. }
            | ServerState::Deleted { .. } => return Ok(()),
        }
        let fault = Fault {
            code: 500,
            message: "The instance could not be started: the base of its disk is not there; it is started once the base has been put back.".into(),
            details: "Found in a report of the host, whose log says more.".into(),
            at: now,
            lost_base: server.image,
        };
        let ports = ports_of(uow, &server).await?;
        server.state = not_started(server.state, fault).map_err(illegal)?;
        rest(uow, server, ports, PortStatus::Down, now).await
    }

    async fn repair_failed(
        &self,
        uow: &mut dyn UnitOfWork,
        server: Server,
        host: &HostName,
        request: RequestId,
        message: &str,
        cleared: bool,
    ) -> Result<(), Error> {
        let setback = Setback {
            host: host.clone(),
            steps: Vec::new(),
            message: message.to_owned(),
            details: format!("Found in a report of host {host}."),
            cleared,
        };
        let (entropy, now) = (&*self.entropy, self.clock.now());
        setback::leave_host(uow, entropy, server, &request, setback, now).await
    }

    /// The host does not know a guest that it should have, and has not for a while.
    async fn repair_missing(
        &self,
        uow: &mut dyn UnitOfWork,
        mut server: Server,
        host: &HostName,
        request: RequestId,
    ) -> Result<(), Error> {
        if is_spawning(&server) {
            if build_is_unsent(uow, &server, host).await?
                || server_disks::is_waiting(uow, &server).await?
            {
                return Ok(());
            }
            let message = "The host has lost the order to make the guest.";
            // Whether it has begun with it is not known, so that nothing is to be left of it is ordered too.
            let (entropy, now) = (&*self.entropy, self.clock.now());
            let guest = (server.id, server.generation.next());
            order::destroy(uow, entropy, now, host, request.clone(), guest).await?;
            return self.repair_failed(uow, server, host, request, message, false).await;
        }
        let now = self.clock.now();
        let fault = Fault {
            code: 500,
            message: format!(
                "Host {host} does not have the instance's guest any more; delete the instance, or look on the host for what became of it."
            ),
            details: format!(
                "The reports of host {host} have lacked the guest for {} s.",
                self.settings.report_grace_seconds
            ),
            at: now,
            lost_base: None,
        };
        match server.state {
            ServerState::Active
            | ServerState::Stopped
            | ServerState::Stopping { .. }
            | ServerState::Starting { .. }
            | ServerState::Rebooting { .. } => {}
            ServerState::Building(_)
            | ServerState::Failed(_)
            | ServerState::Deleting { .. }
            | ServerState::Deleted { .. } => return Ok(()),
        }
        server.state = server.state.failed(fault).map_err(illegal)?;
        server.updated_at = now;
        let ports = ports_of(uow, &server).await?;
        set_ports(uow, &server, ports, PortStatus::Down, now).await?;
        uow.servers().update(&server).await?;
        Ok(())
    }
}

fn is_on(server: &Server, host: &HostName) -> bool {
    server.host.as_ref() == Some(host) && !matches!(server.state, ServerState::Deleted { .. })
}

/// Whether the order to make the server's guest still stands in the outbox.
async fn build_is_unsent(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    host: &HostName,
) -> Result<bool, Error> {
    let mut after = 0;
    loop {
        let rows = uow.outbox().list(after, OUTBOX_BATCH).await?;
        let Some((last, _)) = rows.last() else {
            return Ok(false);
        };
        after = *last;
        if rows.iter().any(|(_, envelope)| builds(envelope, server.id, host)) {
            return Ok(true);
        }
    }
}

fn builds(envelope: &Envelope, server: ServerId, host: &HostName) -> bool {
    let ours = matches!(&envelope.to, Address::Host(name) if name == host);
    ours && matches!(
        &envelope.body,
        Body::Command(Command::BuildGuest(spec)) if spec.server == server
    )
}

/// Whether a report says anything of the host that its row does not.
fn has_changed(host: &Host, report: &HostReport) -> bool {
    let resources = (fixed(&host.resources), fixed_target(&host.target));
    let reported = (fixed(&report.resources), fixed_target(&report.target));
    let backends = (fixed_backends(&host.backends), fixed_backends(&report.backends));
    let uptime = (host.resources.uptime_seconds, report.resources.uptime_seconds);
    host.id != report.id
        || resources != reported
        || backends.0 != backends.1
        || has_moved(&host.backends, &report.backends)
        || uptime.0.abs_diff(uptime.1) >= FIGURES_SECONDS
}

/// Whether a backend has filled or emptied by more than a twentieth: a full one must not be chosen until the figures are written down anyway.
fn has_moved(known: &[BackendReport], reported: &[BackendReport]) -> bool {
    let mut pairs = known.iter().zip(reported);
    pairs.any(|(known, now)| known.free.0.abs_diff(now.free.0) > now.total.0 / 20)
}

/// Resources without the figures that move by themselves.
fn fixed(resources: &HostResources) -> HostResources {
    HostResources { memory_used_mib: 0, disk_free_gib: 0, uptime_seconds: 0, ..resources.clone() }
}

/// Backends without how much is free in them.
fn fixed_backends(backends: &[BackendReport]) -> Vec<BackendReport> {
    let mut backends = backends.to_vec();
    for backend in &mut backends {
        backend.free = Bytes(0);
        backend.target.free = Bytes(0);
        backend.target.conversion_free = Bytes(0);
        if let Some(file) = &mut backend.target.file {
            file.free = Bytes(0);
        }
    }
    backends
}

fn fixed_target(target: &TargetFacts) -> TargetFacts {
    let mut target = target.clone();
    match &mut target.backing {
        Backing::File(file) => file.free = Bytes(0),
        Backing::Ceph(pool) => (pool.total, pool.free) = (Bytes(0), Bytes(0)),
    }
    target
}
