//! What agents tell: taken over one by one, each a pure transition and a compare-and-set. Hearing anything twice changes nothing.

mod disk_imaging;
mod guest_event;
mod guest_volume;
mod host_bases;
mod host_report;
mod power_event;
mod repair;
mod volume_event;

use crate::compute::{ComputeSettings, HealBook, ReviveServers};
use crate::error::Error;
use crate::volume::VolumeSettings;
use crate::workflow::{Outgoing, TRIES, Wake};
use async_trait::async_trait;
use hatchery_model::id::{HostName, RequestId, ServerId};
use hatchery_model::message::{Body, Envelope, Event, HostBase, HostBaseState};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::bus::Handler;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The control plane's end of the bus: subscribe it at `Address::Control`.
pub struct Intake {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    settings: Arc<ComputeSettings>,
    volume_settings: Arc<VolumeSettings>,
    tasks: Wake,
    outgoing: Outgoing,
    revive: ReviveServers,
    /// Since when a host's reports lack a guest that it should have. Kept in memory: a restart only gives the guest more time.
    missing: Mutex<HashMap<(HostName, ServerId), Timestamp>>,
}

impl Intake {
    /// `tasks` wakes the task runner, `outgoing` the relay; `healed` is the process' only book.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        settings: Arc<ComputeSettings>,
        tasks: Wake,
        outgoing: Outgoing,
        healed: HealBook,
    ) -> Self {
        let revive = ReviveServers {
            store: store.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            outgoing: outgoing.clone(),
            healed,
        };
        let missing = Mutex::default();
        let volume_settings = Arc::default();
        Self { store, clock, entropy, settings, volume_settings, tasks, outgoing, revive, missing }
    }

    /// The same with what the operator has set of volumes.
    #[must_use]
    pub fn with_volume_settings(self, volume_settings: Arc<VolumeSettings>) -> Self {
        Self { volume_settings, ..self }
    }

    async fn take(&self, event: &Event, request: &RequestId) -> Result<(), Error> {
        match event {
            Event::GuestStarted { .. }
            | Event::GuestFailed { .. }
            | Event::GuestStopped { .. }
            | Event::GuestPoweredOff { .. }
            | Event::GuestPoweredOn { .. }
            | Event::GuestNotPoweredOn { .. }
            | Event::GuestGone { .. } => self.guest_event(event, request).await,
            Event::BasesChanged { host, bases } => {
                self.keep_host_bases(host, bases).await?;
                self.revive(host, bases).await
            }
            Event::VolumeAnswered(news) => self.volume_answered(news, request).await,
            Event::DiskImaging { .. } => self.disk_imaging(event, request).await,
            Event::GuestVolumeChanged { .. } => self.guest_volume_changed(event, request).await,
            Event::HostReported(report) => self.host_reported(report).await,
        }
    }
}

impl Intake {
    /// Brings back what could not start for want of a base that is there again.
    async fn revive(&self, host: &HostName, bases: &[HostBase]) -> Result<(), Error> {
        for base in bases {
            match &base.state {
                HostBaseState::Healed => {
                    self.revive.run(host, base.image).await?;
                }
                HostBaseState::Cached
                | HostBaseState::Caching
                | HostBaseState::Lost(_)
                | HostBaseState::Gone
                | HostBaseState::Failed(_) => {}
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Handler for Intake {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        let Body::Event(event) = &envelope.body else {
            tracing::error!(message.id = %envelope.id, "an order came to the control plane; it is dropped");
            return Ok(());
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match self.take(event, &envelope.request).await {
                Ok(()) => return Ok(()),
                Err(Error::Conflict(_)) if tries < TRIES => {}
                // Taking it again cannot help, and must not keep what comes after it waiting.
                Err(error @ Error::Internal { .. }) => {
                    tracing::error!(
                        message.id = %envelope.id, request.id = %envelope.request,
                        error = &error as &dyn std::error::Error, "an event cannot be taken; it is dropped"
                    );
                    return Ok(());
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}
