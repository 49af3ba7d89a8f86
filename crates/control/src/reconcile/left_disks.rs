//! Disks that servers have left behind on hosts. The order that nothing is to be left there went out with that; where the answer has been lost, it is
//! given again, and the lease of the base stands as long as none comes.

use crate::error::Error;
use crate::workflow::order;
use hatchery_model::base::LeftDisk;
use hatchery_model::compute::{Server, ServerState};
use hatchery_model::id::RequestId;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::Store;

/// So long an answer may take before the order is given again.
const PATIENCE_SECONDS: i64 = 600;

/// Gives the order again for each disk that was left long ago, if its host has been heard since; says how many.
pub(super) async fn ask_again(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<usize, Error> {
    let mut uow = store.read().await?;
    let left = uow.leases().list_left().await?;
    if left.is_empty() {
        return Ok(0);
    }
    let hosts = uow.hosts().list().await?;
    drop(uow);
    let late = left.iter().filter(|disk| disk.since.plus_seconds(PATIENCE_SECONDS) <= now);
    let mut asked = 0;
    for disk in late {
        // A silent host has the order waiting for it.
        let heard = hosts.iter().any(|host| {
            host.name == disk.host && host.heard_at.plus_seconds(PATIENCE_SECONDS) > now
        });
        if heard {
            asked += usize::from(ask(store, entropy, now, disk).await?);
        }
    }
    Ok(asked)
}

async fn ask(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    disk: &LeftDisk,
) -> Result<bool, Error> {
    let mut uow = store.begin().await?;
    let server = uow.servers().find(disk.server).await?;
    // It stands there again: its own end will be heard of.
    if server.as_ref().is_some_and(|server| stands_on(server, disk)) {
        return Ok(false);
    }
    let known = server.map_or(disk.generation, |server| server.generation);
    let guest = (disk.server, known.max(disk.generation));
    let request = RequestId(format!("req-{}", random_uuid(entropy)));
    tracing::warn!(
        server.id = %disk.server, host.id = %disk.host, disk.id = %disk.on.disk, image.id = %disk.on.image,
        "the host has not said that a disk left there is gone; it is asked again"
    );
    order::destroy(&mut *uow, entropy, now, &disk.host, request, guest).await?;
    uow.commit().await?;
    Ok(true)
}

fn stands_on(server: &Server, disk: &LeftDisk) -> bool {
    server.host.as_ref() == Some(&disk.host) && !matches!(server.state, ServerState::Deleted { .. })
}
