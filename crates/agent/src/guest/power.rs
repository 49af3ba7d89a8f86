//! A guest that was made earlier is stopped, started, or both.

use super::Order;
use super::actor::{Actor, PAUSES, next};
use super::build::{BuildError, Planned};
use super::steps::{Steps, Told};
use crate::journal::PowerOrder;
use hatchery_model::compute::{GuestPhase, PowerState};
use hatchery_model::message::{Event, StepName, StepTiming};
use hatchery_ports::hypervisor::Guest;
use std::sync::Arc;
use std::time::Duration;

/// Why an order was not carried out to its end.
pub(super) enum Interrupted {
    /// A later order.
    By(Order),
    /// It is found in the journal, and carried out by the next agent.
    AgentEnds,
}

impl Actor {
    /// Carries an order out that stands in the journal, and tells of it. Done again after a crash, it comes to the same.
    pub(super) async fn carry_out(
        &mut self,
        order: PowerOrder,
        running: &mut Option<Arc<dyn Guest>>,
    ) -> Result<(), Interrupted> {
        if running.is_none() {
            *running = self.look().await;
        }
        let steps = Steps::new(self.host.parts.clock.clone());
        match order {
            PowerOrder::Stop { grace_seconds } => self.stop(steps, running, grace_seconds).await,
            PowerOrder::Start => self.start(steps, running).await,
            PowerOrder::Reboot { grace_seconds } => {
                self.reboot(steps, running, grace_seconds).await
            }
        }
    }

    /// A process that nobody holds in hand, as after a crash between start and note.
    async fn look(&self) -> Option<Arc<dyn Guest>> {
        let server = self.entry.spec.server;
        let folder = self.host.journal.folder(server);
        match self.host.parts.hypervisor.adopt(server, &folder).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(guest.id = %server, %error, "a guest could not be looked at");
                None
            }
        }
    }

    async fn stop(
        &mut self,
        mut steps: Steps,
        running: &mut Option<Arc<dyn Guest>>,
        grace_seconds: u32,
    ) -> Result<(), Interrupted> {
        let began = steps.now();
        let how = self.end(running, grace_seconds).await?;
        let told = Told::details(how.unwrap_or_else(|| "it did not run".into()));
        steps.end::<BuildError>(StepName::PowerOff, began, Ok(&told));
        let spec = self.entry.spec.clone();
        let event = Event::GuestPoweredOff {
            host: self.host.settings.host.clone(),
            server: spec.server,
            generation: spec.generation,
            steps: steps.into_timings(),
        };
        self.done(GuestPhase::Stopped, event, None).await;
        Ok(())
    }

    async fn start(
        &mut self,
        mut steps: Steps,
        running: &mut Option<Arc<dyn Guest>>,
    ) -> Result<(), Interrupted> {
        let began = steps.now();
        if self.is_stuck(running.as_ref()).await {
            self.end(running, 0).await?;
        }
        let started = match running.clone() {
            Some(guest) => {
                // Whoever started it may have died before its limits were set.
                let volumes = self.plugs.lock().await.volumes.clone();
                for volume in volumes.iter().filter(|volume| !volume.qos.is_empty()) {
                    self.limit(volume, &guest).await;
                }
                Ok((guest, "it ran already".to_owned()))
            }
            None => self.power_on().await.map(|guest| (guest, self.runs())),
        };
        let told = started.as_ref().map(|(_, how)| Told::details(how.clone()));
        steps.end(StepName::PowerOn, began, told.as_ref());
        *running = self.started_again(started.map(|(guest, _)| guest), steps.into_timings()).await;
        Ok(())
    }

    async fn reboot(
        &mut self,
        mut steps: Steps,
        running: &mut Option<Arc<dyn Guest>>,
        grace_seconds: u32,
    ) -> Result<(), Interrupted> {
        let began = steps.now();
        let how = self.end(running, grace_seconds).await?;
        let how = how.unwrap_or_else(|| "it did not run".into());
        let started = self.power_on().await;
        let told = Told::details(format!("{how}; {}", self.runs()));
        steps.end(StepName::Reboot, began, started.as_ref().map(|_| &told));
        *running = self.started_again(started, steps.into_timings()).await;
        Ok(())
    }

    fn runs(&self) -> String {
        format!("{} runs {}", self.host.parts.hypervisor.name(), self.entry.spec.name)
    }

    /// Whether there is a process whose processors will not run any more.
    async fn is_stuck(&self, running: Option<&Arc<dyn Guest>>) -> bool {
        let Some(guest) = running else {
            return false;
        };
        match guest.power_state().await {
            Ok(PowerState::Paused | PowerState::Off) => true,
            Ok(PowerState::Running) => false,
            Err(error) => {
                tracing::warn!(guest.id = %self.entry.spec.server, %error, "a guest does not say whether it runs; it is left alone");
                false
            }
        }
    }

    /// Ends the guest's process, and says how it ended; `None` when there was none. A later order is not kept waiting.
    async fn end(
        &mut self,
        running: &mut Option<Arc<dyn Guest>>,
        grace_seconds: u32,
    ) -> Result<Option<String>, Interrupted> {
        let mut pause = PAUSES.0;
        while let Some(guest) = running.clone() {
            let grace = Duration::from_secs(grace_seconds.into());
            let stopped = tokio::select! {
                biased;
                order = next(&mut self.orders) => return Err(interrupted(order)),
                stopped = guest.stop(grace) => stopped,
            };
            let Err(error) = stopped else {
                *running = None;
                return Ok(Some(guest.ended().await));
            };
            tracing::warn!(guest.id = %self.entry.spec.server, %error, "a guest does not stop; trying again");
            tokio::select! {
                order = next(&mut self.orders) => return Err(interrupted(order)),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSES.1);
        }
        Ok(None)
    }

    /// Plugs it in again, finds its disk, and has its processors run.
    async fn power_on(&self) -> Result<Arc<dyn Guest>, BuildError> {
        let host = self.host.as_ref();
        // Closed only when the agent ends, and then nobody waits.
        let _place = host.builds.acquire().await.map_err(|_| BuildError::Cancelled)?;
        let volumes = self.plugs.lock().await.at_start();
        let planned = Planned { host, spec: self.entry.spec.clone(), volumes };
        planned.find().await?.start_again().await
    }

    /// Tells what a start has come to; gives the guest's handle if it runs.
    async fn started_again(
        &mut self,
        started: Result<Arc<dyn Guest>, BuildError>,
        steps: Vec<StepTiming>,
    ) -> Option<Arc<dyn Guest>> {
        let spec = self.entry.spec.clone();
        let (host, server, generation) =
            (self.host.settings.host.clone(), spec.server, spec.generation);
        let error = match started {
            Ok(guest) => {
                let event = Event::GuestPoweredOn { host, server, generation, steps };
                self.done(GuestPhase::Running, event, Some(guest.clone())).await;
                return Some(guest);
            }
            Err(error) => error,
        };
        tracing::warn!(guest.id = %server, error = error.chain(), "a guest could not be started");
        let (phase, lost_base) = match error {
            BuildError::BaseLost(_) => {
                (GuestPhase::BaseLost, spec.root.as_ref().map(|root| root.image))
            }
            BuildError::Network(_)
            | BuildError::Disk(_)
            | BuildError::Volume(_)
            | BuildError::Define(_)
            | BuildError::ConfigDrive(_)
            | BuildError::Start(_)
            | BuildError::Find(_)
            | BuildError::NoDisk
            | BuildError::Cancelled => (GuestPhase::Stopped, None),
        };
        let event = Event::GuestNotPoweredOn {
            host,
            server,
            generation,
            steps,
            message: format!("Instance {server} could not be started: {error}."),
            details: error.chain(),
            lost_base,
        };
        self.done(phase, event, None).await;
        None
    }

    /// Notes an order as done: in the journal, in the registry, and to whoever gave it.
    async fn done(&mut self, phase: GuestPhase, event: Event, running: Option<Arc<dyn Guest>>) {
        self.entry.phase = phase;
        self.entry.order = None;
        self.entry.news = Some(event.clone());
        self.write().await;
        self.note(running);
        self.host.publisher.send_in_background(self.entry.request.clone(), event);
    }
}

/// Why waiting was over: a later order, or none can come any more.
pub(super) fn interrupted(order: Option<Order>) -> Interrupted {
    order.map_or(Interrupted::AgentEnds, Interrupted::By)
}
