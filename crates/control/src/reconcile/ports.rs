//! Ports plugged into servers that are not there.

use crate::error::Error;
use crate::network::release_port;
use hatchery_model::compute::{Server, ServerState};
use hatchery_model::id::{PortId, ServerId};
use hatchery_model::network::{Port, PortStatus};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{PortFilter, Store, UnitOfWork};

/// Owner of a device that is a server, up to its zone.
const COMPUTE: &str = "compute:";

/// Releases or unplugs ports of servers that are deleted; says how many.
pub(super) async fn unplug_stray(store: &dyn Store, now: Timestamp) -> Result<usize, Error> {
    let mut uow = store.read().await?;
    let ports = uow.ports().list(&PortFilter::default()).await?;
    let mut stray = Vec::new();
    for port in &ports {
        if is_stray(&mut *uow, port).await?.is_some() {
            stray.push(port.id);
        }
    }
    drop(uow);
    let mut unplugged = 0;
    for id in stray {
        unplugged += usize::from(unplug(store, now, id).await?);
    }
    Ok(unplugged)
}

async fn unplug(store: &dyn Store, now: Timestamp, id: PortId) -> Result<bool, Error> {
    let mut uow = store.begin().await?;
    let Some(mut port) = uow.ports().find(id).await? else {
        return Ok(false);
    };
    let Some(server) = is_stray(&mut *uow, &port).await? else {
        return Ok(false);
    };
    tracing::error!(port.id = %id, device = port.device_id, "a port was plugged into a server that is not there");
    let owned = server.is_some_and(|server| {
        let mut nics = server.nics.iter();
        nics.any(|nic| nic.port == id && nic.owned)
    });
    if owned {
        release_port(&mut *uow, id).await?;
    } else {
        port.device_id = String::new();
        port.device_owner = String::new();
        port.host = None;
        port.status = PortStatus::Down;
        port.updated_at = now;
        uow.ports().update(&port).await?;
    }
    uow.commit().await?;
    Ok(true)
}

/// Whether a port belongs to a server that is gone; with that server's row, where it is still kept.
async fn is_stray(uow: &mut dyn UnitOfWork, port: &Port) -> Result<Option<Option<Server>>, Error> {
    if !port.device_owner.starts_with(COMPUTE) {
        return Ok(None);
    }
    // Another service's device may have the same kind of owner: only ids of servers are looked up.
    let Ok(id) = port.device_id.parse::<ServerId>() else {
        return Ok(None);
    };
    match uow.servers().find(id).await? {
        Some(server) if matches!(server.state, ServerState::Deleted { .. }) => {
            Ok(Some(Some(server)))
        }
        Some(_) => Ok(None),
        None => Ok(Some(None)),
    }
}
