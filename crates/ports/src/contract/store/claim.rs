//! Placing at the same time.

use super::fixture::{host, id};
use crate::store::{Store, StoreError};
use futures_util::future::join_all;
use hatchery_model::compute::Claim;
use hatchery_model::id::{HostName, ServerId};

const ROOM: u32 = 7;

/// Many at once place servers on one host with room for few: each reads the host in one transaction and claims it in
/// another, by compare-and-set, as the scheduler does. Never is more given away than there is, and no room is left
/// unused. Several `stores` are several programs on one database.
pub async fn never_oversold(stores: &[&dyn Store]) {
    let name = HostName(format!("never-oversold-{}", id()));
    let mut unit = stores[0].begin().await.unwrap();
    unit.hosts().insert(&host(name.as_str())).await.unwrap();
    unit.commit().await.unwrap();

    let placed = join_all((0..24).map(|n| place(stores[n % stores.len()], &name))).await;
    assert_eq!(placed.iter().filter(|placed| **placed).count(), ROOM as usize);

    let mut unit = stores[0].read().await.unwrap();
    let claims = unit.claims().list(Some(&name)).await.unwrap();
    let sum = claims.iter().fold(Claim::default(), |sum, (_, _, claim)| sum.plus(*claim));
    let row = unit.hosts().find(&name).await.unwrap().unwrap();
    assert_eq!(row.claimed, sum);
    assert_eq!(sum.servers, ROOM);
}

/// Places one server; `false` when the host is full.
async fn place(store: &dyn Store, name: &HostName) -> bool {
    let server = ServerId(id());
    let claim = Claim { servers: 1, ..Claim::default() };
    loop {
        let mut unit = store.read().await.unwrap();
        let host = unit.hosts().find(name).await.unwrap().unwrap();
        drop(unit);
        if host.claimed.servers == ROOM {
            return false;
        }
        let mut unit = store.begin().await.unwrap();
        let taken = unit.claims().insert(server, &host, claim, None).await;
        if !matches!(taken, Err(StoreError::Conflict { .. })) {
            taken.unwrap();
            unit.commit().await.unwrap();
            return true;
        }
    }
}
