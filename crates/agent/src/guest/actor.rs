//! The task that owns a guest: it builds it, watches it, takes it apart.

use super::build::{BuildError, Built, Planned};
use super::power::Interrupted;
use super::steps::{Steps, Told};
use super::{Order, Plugs, What, measured, teardown};
use crate::agent::Host;
use crate::base_cache;
use crate::journal::Entry;
use hatchery_model::compute::{GuestPhase, GuestSpec};
use hatchery_model::generation::Generation;
use hatchery_model::id::RequestId;
use hatchery_model::message::{Event, StepName, StepTiming};
use hatchery_ports::hypervisor::Guest;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

/// Between two attempts at taking a guest apart: at first, and at the most.
pub(super) const PAUSES: (Duration, Duration) =
    (Duration::from_millis(200), Duration::from_secs(30));

/// Gives a guest that stands in the journal its task.
pub(crate) fn spawn(host: Arc<Host>, entry: Entry, plugs: Plugs, running: Option<Arc<dyn Guest>>) {
    let (sender, orders) = mpsc::unbounded_channel();
    let plugged = plugs.generation;
    let plugs = Arc::new(AsyncMutex::new(plugs));
    let known = (plugs.clone(), plugged);
    host.registry.insert(entry.spec.clone(), entry.phase.clone(), sender, known);
    tokio::spawn(Actor { host, entry, plugs, orders }.run(running));
}

/// The next order that interrupts what is done; those about volumes wait. `None` when the agent ends.
pub(super) async fn next(orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<Order> {
    loop {
        let order = orders.recv().await?;
        match order.what {
            What::Destroy | What::Power(_) => return Some(order),
            What::Plug => {}
        }
    }
}

/// What a guest that is left alone is disturbed by.
enum Watched {
    Order(Order),
    Ended,
    AgentEnds,
}

pub(super) struct Actor {
    pub(super) host: Arc<Host>,
    pub(super) entry: Entry,
    pub(super) plugs: Arc<AsyncMutex<Plugs>>,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
}

impl Actor {
    async fn run(mut self, mut running: Option<Arc<dyn Guest>>) {
        if let Some(news) = self.entry.news.clone()
            && self.entry.phase != GuestPhase::Failed
        {
            self.host.publisher.send_in_background(self.entry.request.clone(), news);
        }
        for (request, answer) in self.plugs.lock().await.answers.clone() {
            self.host.publisher.send_in_background(request, answer);
        }
        if self.entry.phase == GuestPhase::Planned {
            running = self.build().await;
        }
        if self.entry.phase == GuestPhase::Failed {
            return self.report_failure().await;
        }
        self.note(running.clone());
        if self.entry.phase != GuestPhase::Destroying {
            let Some((generation, request)) = self.live(&mut running).await else {
                return; // The agent ends; the guest goes on.
            };
            self.ordered_away(generation, request);
        }
        self.destroy(running).await;
    }

    /// Does what is ordered, one after the other. Returns when the guest is ordered away, `None` when the agent ends.
    async fn live(
        &mut self,
        running: &mut Option<Arc<dyn Guest>>,
    ) -> Option<(Generation, RequestId)> {
        loop {
            let done = match self.entry.order {
                Some(order) => self.carry_out(order, running).await,
                None => Ok(()),
            };
            let done = match done {
                Ok(()) => self.work_off_plugs(running.as_ref()).await,
                interrupted => interrupted,
            };
            let order = match done {
                Ok(()) => match self.watch(running).await {
                    Watched::Order(order) => order,
                    Watched::Ended => continue,
                    Watched::AgentEnds => return None,
                },
                Err(Interrupted::By(order)) => order,
                Err(Interrupted::AgentEnds) => return None,
            };
            match order.what {
                What::Destroy => return Some((order.generation, order.request)),
                What::Plug => {}
                What::Power(power) => {
                    let spec = GuestSpec {
                        generation: order.generation,
                        ..self.entry.spec.as_ref().clone()
                    };
                    self.entry = Entry {
                        spec: Arc::new(spec),
                        phase: power.phase(),
                        request: order.request,
                        order: Some(power),
                        news: None,
                    };
                }
            }
        }
    }

    /// Notes an order to destroy that the inbox has written down.
    fn ordered_away(&mut self, generation: Generation, request: RequestId) {
        let spec = GuestSpec { generation, ..self.entry.spec.as_ref().clone() };
        self.entry = Entry {
            spec: Arc::new(spec),
            phase: GuestPhase::Destroying,
            request,
            order: None,
            news: None,
        };
    }

    async fn build(&mut self) -> Option<Arc<dyn Guest>> {
        let mut steps = Steps::new(self.host.parts.clock.clone());
        let _building = measured::Building::begin();
        match self.try_build(&mut steps).await {
            Ok(built) => {
                self.started(steps.into_timings(), &built).await;
                Some(built.guest)
            }
            Err(error) => {
                self.failed(steps.into_timings(), &error).await;
                None
            }
        }
    }

    async fn try_build(&self, steps: &mut Steps) -> Result<Built, BuildError> {
        let host = self.host.as_ref();
        // Closed only when the agent ends, and then nobody waits.
        let _place = host.builds.acquire().await.map_err(|_| BuildError::Cancelled)?;
        let go_on = || {
            if self.orders.is_empty() { Ok(()) } else { Err(BuildError::Cancelled) }
        };
        go_on()?;
        let volumes = self.plugs.lock().await.volumes.clone();
        let planned = Planned { host, spec: self.entry.spec.clone(), volumes };
        let prepared = planned.prepare(steps).await?;
        go_on()?;
        prepared.start(steps).await
    }

    async fn started(&mut self, steps: Vec<StepTiming>, built: &Built) {
        measured::built(built.bytes_copied);
        let spec = &self.entry.spec;
        let event = Event::GuestStarted {
            host: self.host.settings.host.clone(),
            server: spec.server,
            generation: spec.generation,
            steps,
            bytes_copied: built.bytes_copied,
        };
        self.entry.phase = GuestPhase::Running;
        self.entry.news = Some(event.clone());
        self.write().await;
        self.host.publisher.send_in_background(self.entry.request.clone(), event);
    }

    async fn failed(&mut self, steps: Vec<StepTiming>, error: &BuildError) {
        measured::failed();
        let spec = self.entry.spec.clone();
        tracing::warn!(guest.id = %spec.server, error = error.chain(), "a guest could not be built");
        self.clear_until_done(None).await;
        // Nothing else is ordered of a guest that is still being made.
        if let Ok(Order { generation, request, .. }) = self.orders.try_recv() {
            return self.ordered_away(generation, request);
        }
        self.entry.phase = GuestPhase::Failed;
        self.entry.news = Some(Event::GuestFailed {
            host: self.host.settings.host.clone(),
            server: spec.server,
            generation: spec.generation,
            steps,
            message: format!("Build of instance {} aborted: {}", spec.server, error.chain()),
            details: error.chain(),
        });
        self.write().await;
    }

    /// Tells of a failed build, then forgets the guest: nothing of it is left.
    async fn report_failure(mut self) {
        let spec = self.entry.spec.clone();
        self.note(None);
        if let Some(news) = self.entry.news.clone() {
            self.host.publisher.send(self.entry.request.clone(), news).await;
        }
        match self.orders.try_recv() {
            Ok(Order { generation, request, .. }) => {
                self.ordered_away(generation, request);
                self.destroy(None).await;
            }
            Err(_) => self.forget(spec.generation).await,
        }
    }

    /// Returns with the next order, or when the guest has ended by itself.
    async fn watch(&mut self, running: &mut Option<Arc<dyn Guest>>) -> Watched {
        let ended = async {
            match running.as_ref() {
                Some(guest) => guest.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            order = self.orders.recv() => order.map_or(Watched::AgentEnds, Watched::Order),
            reason = ended => {
                *running = None;
                self.stopped(reason).await;
                Watched::Ended
            }
        }
    }

    async fn stopped(&mut self, reason: String) {
        let server = self.entry.spec.server;
        tracing::info!(guest.id = %server, reason, "guest stopped");
        measured::stopped();
        let event = Event::GuestStopped {
            host: self.host.settings.host.clone(),
            server,
            at: self.host.parts.clock.now(),
            reason,
            generation: self.entry.spec.generation,
        };
        self.entry.phase = GuestPhase::Stopped;
        self.entry.news = Some(event.clone());
        self.write().await;
        self.note(None);
        self.host.publisher.send_in_background(self.entry.request.clone(), event);
    }

    async fn destroy(mut self, running: Option<Arc<dyn Guest>>) {
        let (server, generation) = (self.entry.spec.server, self.entry.spec.generation);
        self.note(running.clone());
        let mut steps = Steps::new(self.host.parts.clock.clone());
        let began = steps.now();
        self.clear_until_done(running).await;
        let told = Told::details("process, interfaces, disk and files removed");
        steps.end::<BuildError>(StepName::Destroy, began, Ok(&told));
        let event = Event::GuestGone {
            host: self.host.settings.host.clone(),
            server,
            generation,
            steps: steps.into_timings(),
        };
        self.host.publisher.send(self.entry.request.clone(), event).await;
        self.forget(generation).await;
    }

    async fn clear_until_done(&mut self, mut running: Option<Arc<dyn Guest>>) {
        let mut pause = PAUSES.0;
        while let Err(error) = teardown::clear(&self.host, &self.entry.spec, running.take()).await {
            tracing::warn!(guest.id = %self.entry.spec.server, %error, "a guest is not gone yet; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn forget(&self, generation: Generation) {
        let spec = &self.entry.spec;
        while let Err(error) = self.host.journal.remove(spec.server).await {
            tracing::warn!(guest.id = %spec.server, %error, "a guest's folder could not be removed; trying again");
            tokio::time::sleep(PAUSES.1).await;
        }
        self.host.registry.remove(spec.server, generation);
        if let Some(root) = &spec.root {
            base_cache::release(&self.host, root.image, self.entry.request.clone()).await;
        }
    }

    /// Tells the registry how far the guest has come.
    pub(super) fn note(&self, running: Option<Arc<dyn Guest>>) {
        let spec = &self.entry.spec;
        let (generation, phase) = (spec.generation, self.entry.phase.clone());
        self.host.registry.set(spec.server, generation, phase, running);
    }

    /// Writes the entry down, unless an order that came meanwhile has been written already.
    pub(super) async fn write(&self) {
        let server = self.entry.spec.server;
        let _writing = self.host.registry.writing(server).await;
        if self.host.registry.ordered(server) > Some(self.entry.spec.generation) {
            return;
        }
        // What is lost with this is found again by looking at the host.
        if let Err(error) = self.host.journal.write(&self.entry).await {
            tracing::error!(guest.id = %server, %error, "the journal could not be written");
        }
    }
}
