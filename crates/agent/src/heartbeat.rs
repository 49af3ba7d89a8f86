//! The host's reports: at an interval, and at each change.

use crate::agent::Host;
use crate::{console, folder};
use hatchery_model::compute::{GuestPhase, HostReport, HostResources};
use hatchery_model::id::RequestId;
use hatchery_model::message::Event;
use hatchery_model::provision::Backing;
use hatchery_model::units::Bytes;
use hatchery_ports::entropy::random_uuid;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Changes that come together are told together.
const GATHER: Duration = Duration::from_millis(500);

/// Reports for ever.
pub(crate) async fn run(host: Arc<Host>) {
    loop {
        let changed = host.registry.changed();
        let began = Instant::now();
        if let Err(reason) = report(&host).await {
            tracing::warn!(reason, "the host's report was not sent");
        }
        bound_consoles(&host).await;
        tokio::select! {
            () = host.volumes.changed() => sleep_until(Instant::now() + GATHER).await,
            () = sleep_until(began + host.settings.report_interval) => {}
            () = changed => sleep_until(Instant::now() + GATHER).await,
        }
    }
}

/// Sends one report.
pub(crate) async fn report(host: &Host) -> Result<(), String> {
    let target = host.parts.disks.abilities().await.map_err(|error| error.to_string())?;
    let found = host.parts.hypervisor.resources().await.map_err(|error| error.to_string())?;
    let resources = with_room(found, &target.backing);
    let report = HostReport {
        id: host.id,
        name: host.settings.host.clone(),
        resources,
        target,
        backends: host.volumes.reports().await,
        guests: host.registry.phases(),
    };
    let request = RequestId(format!("req-{}", random_uuid(host.parts.entropy.as_ref())));
    let event = Event::HostReported(Box::new(report));
    match host.publisher.try_send(request, event).await {
        true => {
            host.reported.send_replace(true);
            Ok(())
        }
        false => Err("the control plane did not take it".into()),
    }
}

/// The hypervisor tells of the filesystem of its instances, where there are no disks if these lie in Ceph. It stands in for a cluster that has not
/// counted yet.
fn with_room(resources: HostResources, backing: &Backing) -> HostResources {
    match backing {
        Backing::File(_) => resources,
        Backing::Ceph(pool) if pool.total == Bytes(0) => resources,
        Backing::Ceph(pool) => HostResources {
            disk_gib: pool.total.0 >> 30,
            disk_free_gib: pool.free.0 >> 30,
            ..resources
        },
    }
}

async fn bound_consoles(host: &Host) {
    for (server, _, phase) in host.registry.phases() {
        if phase != GuestPhase::Running {
            continue;
        }
        let (path, cap) = (host.journal.folder(server), host.settings.console_cap);
        if let Err(error) = folder::off_thread(move || console::bound(&path, cap)).await {
            tracing::warn!(guest.id = %server, %error, "a console log could not be cut");
        }
    }
}
