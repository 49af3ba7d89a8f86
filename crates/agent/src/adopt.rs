//! A new process finds the host's guests again: what ran goes on running, what was begun is finished.

use crate::agent::Host;
use crate::guest::{self, Plugs};
use crate::journal::{Entry, Found};
use crate::networks;
use hatchery_model::compute::GuestPhase;
use hatchery_model::id::ServerId;
use hatchery_model::message::Event;
use std::io;
use std::sync::Arc;

/// Looks at every folder, and gives each guest its actor. Networks of guests that are there are made whole
/// again, with their metadata doors.
pub(crate) async fn all(host: &Arc<Host>) -> io::Result<()> {
    let found = host.journal.scan().await?;
    let adoptions = found.into_iter().map(|found| one(host, found));
    futures_util::future::join_all(adoptions).await;
    Ok(())
}

async fn one(host: &Arc<Host>, found: Found) {
    match found {
        Found::Litter(server) => remove_litter(host, server).await,
        Found::Guest(entry) => {
            if let Err(error) = networks::ensure(host, &entry.spec).await {
                tracing::error!(guest.id = %entry.spec.server, %error, "a guest's network is not whole");
            }
            adopt(host, *entry).await;
        }
    }
}

/// A folder whose entry was never written: nothing was acted on but the folder itself. A process is looked for all the same.
async fn remove_litter(host: &Arc<Host>, server: ServerId) {
    let folder = host.journal.folder(server);
    match host.parts.hypervisor.adopt(server, &folder).await {
        Ok(None) => {}
        Ok(Some(_)) => {
            tracing::error!(guest.id = %server, "a guest runs whose journal entry is missing; it is left alone");
            return;
        }
        Err(error) => {
            tracing::error!(guest.id = %server, %error, "a folder without a journal entry is left alone");
            return;
        }
    }
    if let Err(error) = host.journal.remove(server).await {
        tracing::warn!(guest.id = %server, %error, "a left folder could not be removed");
    }
}

async fn adopt(host: &Arc<Host>, mut entry: Entry) {
    let server = entry.spec.server;
    let plugs = match Plugs::read(&host.journal.folder(server), &entry.spec).await {
        Ok(plugs) => plugs,
        Err(error) => {
            tracing::error!(guest.id = %server, %error, "a guest's volumes cannot be read; it is left alone");
            return;
        }
    };
    let running = match entry.phase {
        GuestPhase::Failed | GuestPhase::Destroying => None,
        GuestPhase::Planned
        | GuestPhase::Running
        | GuestPhase::Stopped
        | GuestPhase::Stopping
        | GuestPhase::Starting
        | GuestPhase::BaseLost => {
            let folder = host.journal.folder(server);
            match host.parts.hypervisor.adopt(server, &folder).await {
                Ok(running) => running,
                Err(error) => {
                    tracing::error!(guest.id = %server, %error, "a guest could not be looked at");
                    None
                }
            }
        }
    };
    match (&entry.phase, &running) {
        (GuestPhase::Running, None) => {
            entry.phase = GuestPhase::Stopped;
            entry.news = Some(Event::GuestStopped {
                host: host.settings.host.clone(),
                server,
                at: host.parts.clock.now(),
                reason: "its process had ended when the agent started".into(),
                generation: entry.spec.generation,
            });
            if let Err(error) = host.journal.write(&entry).await {
                tracing::error!(guest.id = %server, %error, "a stopped guest could not be written down");
            }
        }
        (GuestPhase::Stopped, Some(_)) => entry.phase = GuestPhase::Running,
        // Built, but not written down as running: the build is done again, on what is there.
        (GuestPhase::Planned, Some(guest)) => {
            if let Err(error) = guest.stop(std::time::Duration::ZERO).await {
                tracing::error!(guest.id = %server, %error, "a half-built guest could not be stopped");
            }
            guest::spawn(host.clone(), entry, plugs, None);
            return;
        }
        _ => {}
    }
    tracing::info!(guest.id = %server, phase = ?entry.phase, running = running.is_some(), "guest found again");
    guest::spawn(host.clone(), entry, plugs, running);
}
