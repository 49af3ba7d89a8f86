//! Claims against servers. Each repair is one transaction on rows read in it. That hosts' sums are those of their claims is the store's duty.

use crate::error::Error;
use crate::scheduler::claim_of;
use crate::workflow::claim;
use hatchery_model::compute::{Server, ServerState};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, ServerId};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::store::{ServerFilter, Store};
use std::collections::{HashMap, HashSet};

/// Gives stray claims back and takes missing ones; says how many of each.
pub(super) async fn match_servers(
    store: &dyn Store,
    now: Timestamp,
) -> Result<(usize, usize), Error> {
    let mut uow = store.read().await?;
    let claims = uow.claims().list(None).await?;
    let servers = uow.servers().list(&ServerFilter::default(), &Page::default()).await?;
    drop(uow);
    let placed: HashMap<ServerId, &Server> = servers
        .iter()
        .filter(|server| server.host.is_some())
        .map(|server| (server.id, server))
        .collect();
    let mut stray = 0;
    for (server, host, _) in &claims {
        let fits = placed.get(server).is_some_and(|row| row.host.as_ref() == Some(host));
        if !fits && give_stray_back(store, *server, now).await? {
            stray += 1;
        }
    }
    let claimed: HashSet<ServerId> = claims.iter().map(|(server, ..)| *server).collect();
    let mut missing = 0;
    for id in placed.keys().filter(|id| !claimed.contains(id)) {
        if take_missing(store, *id).await? {
            missing += 1;
        }
    }
    Ok((stray, missing))
}

async fn give_stray_back(store: &dyn Store, id: ServerId, now: Timestamp) -> Result<bool, Error> {
    let mut uow = store.begin().await?;
    let Some((host, _)) = uow.claims().find(id).await? else {
        return Ok(false);
    };
    let server = uow.servers().find(id).await?;
    if server.as_ref().is_some_and(|server| holds(server, &host)) {
        return Ok(false);
    }
    tracing::error!(server.id = %id, host.id = %host, "a claim was held for a server that is not there");
    // What became of its disk there is not known: the host is asked.
    let generation = server.map_or(Generation::FIRST, |server| server.generation);
    claim::leave(&mut *uow, id, generation, now).await?;
    uow.commit().await?;
    Ok(true)
}

async fn take_missing(store: &dyn Store, id: ServerId) -> Result<bool, Error> {
    let mut uow = store.begin().await?;
    let server = uow.servers().find(id).await?;
    let Some((server, name)) = server.and_then(|server| {
        let name = server.host.clone()?;
        holds(&server, &name).then_some((server, name))
    }) else {
        return Ok(false);
    };
    if uow.claims().find(id).await?.is_some() {
        return Ok(false);
    }
    let Some(mut host) = uow.hosts().find(&name).await? else {
        return Ok(false);
    };
    tracing::error!(server.id = %id, host.id = %name, "a server stood on a host without a claim");
    // The image may be gone; the flavor's size is what is left to go by.
    let amount = claim_of(&server.flavor, Bytes::from_gib(server.flavor.root_gib));
    let on = claim::of_server(&server);
    claim::take(&mut *uow, &mut host, id, amount, on.as_ref()).await?;
    uow.commit().await?;
    Ok(true)
}

/// Whether a server takes room of a host.
fn holds(server: &Server, host: &HostName) -> bool {
    server.host.as_ref() == Some(host) && !matches!(server.state, ServerState::Deleted { .. })
}
