//! News to the control plane: sent until it has been taken over.

use hatchery_model::id::{MessageId, RequestId};
use hatchery_model::message::{Address, Body, Envelope, Event};
use hatchery_ports::bus::Bus;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use std::sync::Arc;
use std::time::Duration;

/// Between two attempts: at first, and at the most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Sends events. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Publisher {
    /// Returns when the control plane has taken the event over. The caller keeps it in the journal until then.
    pub(crate) async fn send(&self, request: RequestId, event: Event) {
        let envelope = self.envelope(request, event);
        let mut pause = PAUSES.0;
        while let Err(error) = self.bus.send(envelope.clone()).await {
            tracing::debug!(%error, "news could not be sent; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Sends what needs no journal: the sender of the order will ask again if this is lost.
    pub(crate) fn send_in_background(&self, request: RequestId, event: Event) {
        let publisher = self.clone();
        tokio::spawn(async move { publisher.send(request, event).await });
    }

    /// Sends once; a loss is made good by the next report.
    pub(crate) async fn try_send(&self, request: RequestId, event: Event) -> bool {
        self.bus.send(self.envelope(request, event)).await.is_ok()
    }

    fn envelope(&self, request: RequestId, event: Event) -> Envelope {
        Envelope {
            id: MessageId(random_uuid(self.entropy.as_ref())),
            request,
            to: Address::Control,
            created_at: self.clock.now(),
            body: Body::Event(event),
        }
    }
}
