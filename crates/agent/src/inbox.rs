//! Orders taken over: checked against what is known, written down, and only then acknowledged.

use crate::agent::Host;
use crate::base_cache;
use crate::guest::{self, Change, Order, Plugs, What};
use crate::journal::{Entry, PowerOrder};
use crate::volume;
use async_trait::async_trait;
use hatchery_model::compute::{GuestPhase, GuestSpec, RebootKind};
use hatchery_model::generation::Generation;
use hatchery_model::id::{RequestId, ServerId};
use hatchery_model::message::{Body, Command, Envelope, Event};
use hatchery_ports::bus::Handler;
use std::sync::Arc;

/// The agent's end of the bus.
pub(crate) struct Inbox(pub(crate) Arc<Host>);

#[async_trait]
impl Handler for Inbox {
    async fn handle(&self, envelope: Envelope) -> Result<(), String> {
        let Body::Command(command) = envelope.body else {
            return Ok(()); // Events are the control plane's.
        };
        tracing::debug!(command = command.name(), request.id = %envelope.request, "taken over");
        match command {
            Command::BuildGuest(spec) => self.build(*spec, envelope.request).await,
            Command::DestroyGuest { server, generation } => {
                self.destroy(server, generation, envelope.request).await
            }
            Command::StopGuest { server, generation, grace_seconds } => {
                let order = PowerOrder::Stop { grace_seconds };
                self.power(server, generation, order, envelope.request).await
            }
            Command::StartGuest { server, generation } => {
                self.power(server, generation, PowerOrder::Start, envelope.request).await
            }
            Command::RebootGuest { server, generation, kind, grace_seconds } => {
                let grace_seconds = match kind {
                    RebootKind::Soft => grace_seconds,
                    RebootKind::Hard => 0,
                };
                let order = PowerOrder::Reboot { grace_seconds };
                self.power(server, generation, order, envelope.request).await
            }
            Command::Volume(order) => volume::take_over(&self.0, *order, envelope.request).await,
            Command::AttachVolume { server, generation, volume } => {
                let change = Change::Attach(volume);
                guest::take_over_plug(&self.0, server, generation, change, envelope.request).await
            }
            Command::DetachVolume { server, generation, attachment } => {
                let change = Change::Detach(attachment);
                guest::take_over_plug(&self.0, server, generation, change, envelope.request).await
            }
            Command::SwapVolume { server, generation, old, new } => {
                let change = Change::swap(old, *new);
                guest::take_over_plug(&self.0, server, generation, change, envelope.request).await
            }
            Command::SeedBase { image } => {
                base_cache::seed(&self.0, image, envelope.request).await;
                Ok(())
            }
            Command::ReleaseBase { image } => {
                base_cache::release(&self.0, image, envelope.request).await;
                Ok(())
            }
        }
    }
}

impl Inbox {
    async fn build(&self, spec: GuestSpec, request: RequestId) -> Result<(), String> {
        let host = &self.0;
        let server = spec.server;
        let gone = host.registry.gone(server).is_some_and(|gone| gone >= spec.generation);
        let known = host.registry.generation(server).is_some_and(|known| known >= spec.generation);
        if gone || known {
            tracing::debug!(guest.id = %server, "an order that has been taken over before");
            return Ok(());
        }
        let entry = Entry {
            spec: Arc::new(spec),
            phase: GuestPhase::Planned,
            request,
            order: None,
            news: None,
        };
        host.journal.write(&entry).await.map_err(|error| {
            format!("the order to build guest {server} could not be written down: {error}")
        })?;
        let plugs = Plugs::of(&entry.spec);
        guest::spawn(host.clone(), entry, plugs, None);
        Ok(())
    }

    async fn destroy(
        &self,
        server: ServerId,
        generation: Generation,
        request: RequestId,
    ) -> Result<(), String> {
        let host = &self.0;
        let writing = host.registry.writing(server).await;
        let (Some(spec), Some(_writing)) = (host.registry.spec(server), writing) else {
            // Nothing to take apart: say so, as often as asked.
            let gone = Event::GuestGone {
                host: host.settings.host.clone(),
                server,
                generation,
                steps: Vec::new(),
            };
            host.publisher.send_in_background(request, gone);
            return Ok(());
        };
        if host.registry.generation(server).is_some_and(|known| known > generation) {
            return Ok(());
        }
        let spec = Arc::new(GuestSpec { generation, ..spec.as_ref().clone() });
        let entry = Entry {
            spec,
            phase: GuestPhase::Destroying,
            request: request.clone(),
            order: None,
            news: None,
        };
        host.journal.write(&entry).await.map_err(|error| {
            format!("the order to destroy guest {server} could not be written down: {error}")
        })?;
        let order = Order { generation, request, what: What::Destroy };
        host.registry.order(server, GuestPhase::Destroying, order);
        Ok(())
    }

    /// An order about a guest that was made earlier. One that is older than the last, or about a guest that is not here, changes nothing: the
    /// host's report says how things are.
    async fn power(
        &self,
        server: ServerId,
        generation: Generation,
        order: PowerOrder,
        request: RequestId,
    ) -> Result<(), String> {
        let host = &self.0;
        let writing = host.registry.writing(server).await;
        let (Some(spec), Some(_writing)) = (host.registry.spec(server), writing) else {
            tracing::warn!(guest.id = %server, ?order, "an order about a guest that is not here");
            return Ok(());
        };
        if host.registry.generation(server).is_some_and(|known| known >= generation) {
            return Ok(());
        }
        match host.registry.phase(server) {
            Some(GuestPhase::Planned) => {
                return Err(format!("guest {server} is still being made; send the order again"));
            }
            Some(GuestPhase::Failed | GuestPhase::Destroying) | None => return Ok(()),
            Some(
                GuestPhase::Running
                | GuestPhase::Stopped
                | GuestPhase::Stopping
                | GuestPhase::Starting
                | GuestPhase::BaseLost,
            ) => {}
        }
        let entry = Entry {
            spec: Arc::new(GuestSpec { generation, ..spec.as_ref().clone() }),
            phase: order.phase(),
            request: request.clone(),
            order: Some(order),
            news: None,
        };
        host.journal.write(&entry).await.map_err(|error| {
            format!("the order about guest {server} could not be written down: {error}")
        })?;
        let told = Order { generation, request, what: What::Power(order) };
        host.registry.order(server, order.phase(), told);
        Ok(())
    }
}
